// Matching of views against nexuses, and the check of a view table.
#include "scsi_core/engine/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace scsi {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool equal_names(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

template <class Group>
const Group* find_group(const std::vector<Group>& groups, const std::string& name) {
  const auto at = std::find_if(groups.begin(), groups.end(), [&](const Group& group) { return group.name == name; });
  return at == groups.end() ? nullptr : &*at;
}

constexpr std::uint8_t kIscsi = 5;  // SPC-5 table 477

std::string without_colons(std::string_view pattern) {
  std::string out(pattern);
  std::erase(out, ':');
  return out;
}

bool in_group(const HostGroup& group, const TransportId& initiator) {
  return std::any_of(group.initiators.begin(), group.initiators.end(),
                     [&](const std::string& pattern) { return means_initiator(pattern, initiator); });
}

bool in_group(const TargetGroup& group, std::string_view target) {
  return std::any_of(group.targets.begin(), group.targets.end(),
                     [&](const std::string& name) { return equal_names(name, target); });
}

bool hosts_overlap(const ViewTable& table, const View& a, const View& b) {
  if (a.host_group.empty() || b.host_group.empty() || a.host_group == b.host_group) return true;
  for (const std::string& one : find_group(table.host_groups, a.host_group)->initiators) {
    for (const std::string& other : find_group(table.host_groups, b.host_group)->initiators) {
      if (patterns_intersect(one, other) || patterns_intersect(without_colons(one), without_colons(other))) return true;
    }
  }
  return false;
}

std::vector<std::string> targets_of(const ViewTable& table, const std::string& name) {
  const TargetGroup* group = find_group(table.target_groups, name);
  return group != nullptr ? group->targets : std::vector<std::string>{name};
}

bool targets_overlap(const ViewTable& table, const View& a, const View& b) {
  if (a.target_group.empty() || b.target_group.empty() || a.target_group == b.target_group) return true;
  for (const std::string& one : targets_of(table, a.target_group)) {
    for (const std::string& other : targets_of(table, b.target_group)) {
      if (equal_names(one, other)) return true;
    }
  }
  return false;
}

template <class Group>
base::Result<void> validate_groups(const std::vector<Group>& groups, const char* kind) {
  std::set<std::string> names;
  for (const Group& group : groups) {
    if (group.name.empty()) return base::fail(base::Errc::kInvalid, fmt::format("a {} group has no name", kind));
    if (!names.insert(group.name).second) {
      return base::fail(base::Errc::kExists, fmt::format("two {} groups are called {}", kind, group.name));
    }
  }
  return {};
}

base::Result<void> validate_view(const ViewTable& table, const View& view) {
  if (view.lun > kMaxLunNumber) {
    return base::fail(base::Errc::kInvalid,
                      fmt::format("view of {}: LUN {} is above {}", view.lu, view.lun, kMaxLunNumber));
  }
  if (!view.host_group.empty() && find_group(table.host_groups, view.host_group) == nullptr) {
    return base::fail(base::Errc::kNotFound, fmt::format("view of {}: no host group {}", view.lu, view.host_group));
  }
  return {};
}

}  // namespace

base::Result<void> ViewTable::validate() const {
  TRY(validate_groups(host_groups, "host"));
  TRY(validate_groups(target_groups, "target"));
  std::map<std::uint32_t, std::vector<const View*>> by_lun;
  for (const View& view : views) {
    TRY(validate_view(*this, view));
    for (const View* other : by_lun[view.lun]) {
      if (!hosts_overlap(*this, view, *other) || !targets_overlap(*this, view, *other)) continue;
      return base::fail(base::Errc::kExists,
                        fmt::format("LUN {} would be both {} and {} for some host", view.lun, other->lu, view.lu));
    }
    by_lun[view.lun].push_back(&view);
  }
  return {};
}

ViewSnapshot::ViewSnapshot(const ViewTable& table, const std::map<std::string, LogicalUnit*>& units,
                           std::vector<TargetPortIdentity> ports)
    : host_groups_(table.host_groups), target_groups_(table.target_groups), ports_(std::move(ports)) {
  const auto place = [](const auto& groups, const std::string& name) {
    if (name.empty()) return kAll;
    const auto* group = find_group(groups, name);
    return group == nullptr ? kNamed : static_cast<std::size_t>(group - groups.data());
  };
  for (const View& view : table.views) {
    const auto unit = units.find(view.lu);
    if (unit == units.end()) continue;  // takes effect when the logical unit is added
    bound_.push_back({unit->second, place(host_groups_, view.host_group), place(target_groups_, view.target_group),
                      view.target_group, view.lun, view.read_only});
  }
}

std::string ViewSnapshot::key_of(const Nexus& nexus) const {
  std::string key;
  for (const HostGroup& group : host_groups_) key.push_back(in_group(group, nexus.key.initiator) ? '1' : '0');
  return key + nexus.port.identity().target_name;
}

bool ViewSnapshot::shown_by(const Bound& view, const std::string& target) const {
  if (view.target_group == kAll) return true;
  if (view.target_group == kNamed) return equal_names(view.target, target);
  return in_group(target_groups_[view.target_group], target);
}

std::vector<TargetPortIdentity> ViewSnapshot::ports_of(const LogicalUnit& lu) const {
  std::vector<TargetPortIdentity> found;
  for (const TargetPortIdentity& port : ports_) {
    const auto shows = [&](const Bound& view) { return view.lu == &lu && shown_by(view, port.target_name); };
    if (std::any_of(bound_.begin(), bound_.end(), shows)) found.push_back(port);
  }
  return found;
}

std::vector<LunMapEntry> ViewSnapshot::entries_for(const Nexus& nexus) const {
  const std::string& target = nexus.port.identity().target_name;
  std::vector<bool> hosts, targets;
  for (const HostGroup& group : host_groups_) hosts.push_back(in_group(group, nexus.key.initiator));
  for (const TargetGroup& group : target_groups_) targets.push_back(in_group(group, target));
  std::vector<LunMapEntry> entries;
  for (const Bound& view : bound_) {
    if (view.host_group != kAll && (view.host_group == kNamed || !hosts[view.host_group])) continue;
    if (view.target_group == kNamed ? !equal_names(view.target, target)
                                    : view.target_group != kAll && !targets[view.target_group]) {
      continue;
    }
    entries.push_back({view.lun, view.lu, view.read_only});
  }
  return entries;
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume_at = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume_at = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume_at;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool patterns_intersect(std::string_view a, std::string_view b) {
  constexpr std::string_view kWild = "*?";
  if (a.find_first_of(kWild) == std::string_view::npos) return matches_pattern(b, a);
  if (b.find_first_of(kWild) == std::string_view::npos) return matches_pattern(a, b);
  // reach[i][j]: some text is matched by the first i of `a` and by the first j of `b`.
  std::vector<std::vector<char>> reach(a.size() + 1, std::vector<char>(b.size() + 1, 0));
  reach[0][0] = 1;
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (reach[i][j] == 0) continue;
      const bool star_a = i < a.size() && a[i] == '*', star_b = j < b.size() && b[j] == '*';
      if (star_a) reach[i + 1][j] = 1;
      if (star_b) reach[i][j + 1] = 1;
      if (i == a.size() || j == b.size()) continue;
      const bool one = !star_a && !star_b && (a[i] == '?' || b[j] == '?' || lower(a[i]) == lower(b[j]));
      if (one) reach[i + 1][j + 1] = 1;
      if (star_a && !star_b) reach[i][j + 1] = 1;  // `*` takes one more of the other
      if (star_b && !star_a) reach[i + 1][j] = 1;
    }
  }
  return reach[a.size()][b.size()] != 0;
}

bool means_initiator(std::string_view pattern, const TransportId& initiator) {
  const std::string name = initiator_name(initiator);
  return initiator.protocol == kIscsi ? matches_pattern(pattern, name) : matches_pattern(without_colons(pattern), name);
}

std::string shown_name(const TransportId& initiator) {
  std::string name = initiator.protocol == kIscsi ? initiator.name : initiator_name(initiator);
  if (initiator.protocol == kIscsi) return name;
  for (std::size_t at = name.size(); at > 2;) name.insert(at -= 2, 1, ':');
  return name;
}

const std::string& shown_name(const TargetPortIdentity& port) {
  return port.protocol == kIscsi ? port.port_name : port.target_name;
}

std::string initiator_name(const TransportId& initiator) {
  if (initiator.protocol == kIscsi) return initiator.name.substr(0, initiator.name.find(",i,0x"));
  std::string hex;
  for (const char c : initiator.name) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

}  // namespace scsi
