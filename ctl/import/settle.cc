// The last step of an import: groups of portals, and the removal of whatever breaks a rule.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "base/log.h"
#include "ctl/config/check.h"
#include "ctl/import/draft.h"

namespace ctl {
namespace {

using ViewKey = std::tuple<std::string, std::string, std::string, std::uint32_t>;

ViewKey key_of(const scsi::View& view) { return {view.lu, view.host_group, view.target_group, view.lun}; }

template <class Items>
void erase_at(Items& items, std::size_t index) {
  if (index < items.size()) items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
}

std::string name_at(const Config& config, const std::string& section, std::size_t index) {
  const auto named = [&](const auto& items, auto&& name_of) {
    return index < items.size() ? std::string(name_of(items[index])) : std::string();
  };
  if (section == "lu") return named(config.logical_units, [](const LogicalUnit& lu) { return lu.unit.name; });
  if (section == "target") return named(config.targets, [](const Target& target) { return target.name; });
  if (section == "fc_port") return named(config.fc_ports, [](const FcPort& port) { return port.name; });
  if (section == "user") return named(config.users, [](const User& user) { return user.name; });
  return {};
}

}  // namespace

// A portal is in one group, a target in several: portals that serve the same targets share a group.
void Draft::group_portals() {
  std::map<std::string, std::set<std::size_t>> served;  // by portal: indices of targets
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    for (const std::string& portal : targets_[i].portals) served[portal].insert(i);
  }
  std::map<std::set<std::size_t>, std::uint16_t> group_of;
  std::set<std::uint16_t> used;
  const auto draw = [&](const std::set<std::size_t>& targets) {
    std::uint16_t group = targets_[*targets.begin()].wished_group;
    if (group == 0 || used.contains(group)) group = 1;
    while (used.contains(group) && group < 65535) ++group;
    used.insert(group);
    return group;
  };
  for (const auto& [portal, targets] : served) {
    const auto known = group_of.find(targets);
    const std::uint16_t group = known != group_of.end() ? known->second : draw(targets);
    group_of[targets] = group;
    config.portals.push_back({portal, group});
  }
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    ImportedTarget& imported = targets_[i];
    Target& target = imported.target;
    target.portal_groups.clear();
    for (const auto& [targets, group] : group_of) {
      if (targets.contains(i)) target.portal_groups.push_back(group);
    }
    std::sort(target.portal_groups.begin(), target.portal_groups.end());
    if (target.portal_groups.size() == 1 && imported.relative_port_id != 0)
      target.relative_port_ids = {imported.relative_port_id};
    places_.try_emplace({"target", target.name}, imported.place);
    config.targets.push_back(std::move(target));
  }
}

// Users that were not taken over leave; a target that asks for CHAP and has none left is reported by the rules.
void Draft::close_without_users(Access& access, const Place& place) {
  std::set<std::string> seen;
  std::erase_if(access.users, [&](const std::string& user) {
    return config.find_user(user) == nullptr || !seen.insert(user).second;
  });
  if (&access != &config.discovery || !access.chap || !access.users.empty()) return;
  note(place, "authentication of discovery", "none of its users could be taken over",
       "whoever reaches a portal can list targets; logging in to them is another matter");
  access.chap = false;
}

// Those for certain hosts first: they win over those for every host. Of a target without a name, which is left out,
// there are none: a view without a target would be one through every target.
void Draft::take_views() {
  std::erase_if(views_, [](const scsi::View& view) { return view.target_group.empty(); });
  std::stable_partition(views_.begin(), views_.end(), [](const scsi::View& view) { return !view.host_group.empty(); });
  std::set<ViewKey> seen;
  for (scsi::View& view : views_) {
    if (seen.insert(key_of(view)).second) config.mapping.views.push_back(std::move(view));
  }
}

void Draft::drop_conflicting_views() {
  std::map<std::string, const scsi::HostGroup*> groups;
  for (const scsi::HostGroup& group : config.mapping.host_groups) groups[group.name] = &group;
  std::map<std::pair<std::string, std::uint32_t>, std::vector<scsi::View>> kept;  // by target and LUN
  const auto conflict = [&](const scsi::View& a, const scsi::View& b) {
    scsi::ViewTable two{{a, b}, {}, {}};
    for (const std::string& name : std::set<std::string>{a.host_group, b.host_group}) {
      if (groups.contains(name)) two.host_groups.push_back(*groups[name]);
    }
    return !two.validate();
  };
  std::erase_if(config.mapping.views, [&](const scsi::View& view) {
    auto& others = kept[{view.target_group, view.lun}];
    for (const scsi::View& other : others) {
      if (!conflict(view, other)) continue;
      note({{}, 0, view.target_group}, fmt::format("LUN {} is {}", view.lun, view.lu),
           fmt::format("a host sees one logical unit at a LUN, and {} is there for some of the same hosts", other.lu),
           fmt::format("{} is not at this LUN for {}", view.lu,
                       view.host_group.empty() ? "hosts without a group" : "hosts of " + view.host_group));
      return true;
    }
    others.push_back(view);
    return false;
  });
}

void Draft::drop(const std::string& section, std::size_t index, const std::string& text) {
  const auto place = places_.find({section, name_at(config, section, index)});
  note(place == places_.end() ? Place{{}, 0, section} : place->second, base::escaped(text, 500),
       "the rest cannot be served with it", fmt::format("this {} is left out", section));
  if (section == "lu") erase_at(config.logical_units, index);
  if (section == "portal") erase_at(config.portals, index);
  if (section == "target") erase_at(config.targets, index);
  if (section == "fc_port") erase_at(config.fc_ports, index);
  if (section == "host_group") erase_at(config.mapping.host_groups, index);
  if (section == "target_group") erase_at(config.mapping.target_groups, index);
  if (section == "view") erase_at(config.mapping.views, index);
  if (section == "user") erase_at(config.users, index);
  if (section == "discovery") config.discovery = {};
  if (section == "limits") config.limits = {};
  if (section == "isns") erase_at(config.isns, index);
}

// One round: everything that a rule forbids leaves. False when nothing was forbidden.
bool Draft::drop_problems() {
  std::map<std::pair<std::string, std::size_t>, std::string, std::greater<>> first;  // from the last index down
  for (const Problem& problem : find_problems(config)) {
    auto [known, fresh] = first.try_emplace({problem.section, problem.index}, problem.text);
    if (problem.key.starts_with("relative_port_id") && fresh) known->second.clear();
  }
  for (const auto& [where, text] : first) {
    if (!text.empty()) {
      drop(where.first, where.second, text);
    } else if (where.first == "target") {
      config.targets[where.second].relative_port_ids.clear();  // drawn anew
    } else {
      config.fc_ports[where.second].relative_port_id = 0;
    }
  }
  return !first.empty();
}

void Draft::settle() {
  group_portals();
  take_views();
  close_without_users(config.discovery, {{}, 0, "discovery"});
  for (Target& target : config.targets) close_without_users(target.access, {});
  while (drop_problems()) {
    for (Target& target : config.targets) close_without_users(target.access, {});
    close_without_users(config.discovery, {{}, 0, "discovery"});
  }
  drop_conflicting_views();
}

}  // namespace ctl
