// The rules between the parts of a configuration.
#include "ctl/config/check.h"

#include <fmt/format.h>

#include <bit>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "base/log.h"
#include "ctl/config/names.h"
#include "ctl/units.h"
#include "fabrics/iscsi/address.h"
#include "scsi_core/backstores/backstores.h"

namespace ctl {
namespace {

constexpr std::size_t kMinSecret = 12;  // RFC 7143 12.1.3: 96 bits
constexpr std::size_t kMaxSecret = 255;
constexpr std::size_t kMaxUserName = 255;
constexpr std::ptrdiff_t kMaxVirtualPorts = 63;  // of one adapter

class Checker {
 public:
  explicit Checker(const Config& config) : config_(config) {}
  std::vector<Problem> run() {
    collect();
    users();
    logical_units();
    portals();
    targets();
    fc_ports();
    groups();
    views();
    access("discovery", 0, "discovery", config_.discovery);
    limits();
    metrics();
    radius();
    isns();
    return std::move(problems_);
  }

 private:
  void add(const char* section, std::size_t index, const char* key, const std::string& text) {
    problems_.push_back({section, index, key, text});
  }
  // Text is made only for what does not hold: a configuration may have 10,000 logical units.
  template <class... Args>
  void require(bool holds, const char* section, std::size_t index, const char* key, fmt::format_string<Args...> text,
               Args&&... args) {
    if (!holds) add(section, index, key, fmt::format(text, std::forward<Args>(args)...));
  }
  // The names that others refer to; a name given twice is a problem here.
  void collect() {
    const auto take = [this](const char* section, const auto& items, std::set<std::string>& names, auto&& name_of) {
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string& name = name_of(items[i]);
        require(names.insert(name).second, section, i, "name", "{} \"{}\" is there twice", section, name);
      }
    };
    const auto name_member = [](const auto& item) -> const std::string& { return item.name; };
    take("lu", config_.logical_units, lu_names_,
         [](const LogicalUnit& lu) -> const std::string& { return lu.unit.name; });
    take("target", config_.targets, target_names_, name_member);
    take("fc_port", config_.fc_ports, target_names_, name_member);
    take("user", config_.users, user_names_, name_member);
    take("host_group", config_.mapping.host_groups, host_groups_, name_member);
    take("target_group", config_.mapping.target_groups, target_groups_, name_member);
    for (const iscsi::Portal& portal : config_.portals) portal_groups_.insert(portal.tag);
  }

  void users();
  void secrets(std::size_t index, const User& user);
  void logical_units();
  void identity(std::size_t index, const scsi::LuConfig& unit);
  void store(std::size_t index, const LogicalUnit& lu);
  void portals();
  void targets();
  void fc_ports();
  void virtual_port(std::size_t index, const FcPort& port, const std::string& what);
  void groups();
  void views();
  void redirection(const char* section, std::size_t index, const std::string& what, const iscsi::Redirection& to);
  void access(const char* section, std::size_t index, const std::string& what, const Access& access);
  void limits();
  void metrics();
  void radius();
  void isns();
  void duration(const char* section, std::size_t index, const char* key, base::Duration value, base::Duration least,
                base::Duration most, bool or_zero);

  const Config& config_;
  std::vector<Problem> problems_;
  std::set<std::string> lu_names_, target_names_, user_names_, host_groups_, target_groups_;
  std::set<std::uint16_t> portal_groups_ = {1};  // group 1 exists even without a portal: it is every target's default
  std::set<std::uint16_t> relative_port_ids_;
  std::map<std::string_view, std::string> secret_owner_;  // secret -> whose
};

void Checker::users() {
  for (std::size_t i = 0; i < config_.users.size(); ++i) {
    const User& user = config_.users[i];
    require(!user.name.empty() && user.name.size() <= kMaxUserName && printable_ascii(user.name), "user", i, "name",
            "user \"{}\": a name is 1 to {} printable characters", user.name, kMaxUserName);
    require(user.mutual_user.size() <= kMaxUserName && printable_ascii(user.mutual_user), "user", i, "mutual_user",
            "user \"{}\": a mutual name is at most {} printable characters", user.name, kMaxUserName);
    secrets(i, user);
  }
}

void Checker::secrets(std::size_t index, const User& user) {
  const auto one = [&](const Secret& secret, const std::string& whose) {
    if (secret.empty()) {
      return add("user", index, "name", whose + " has no secret: give it with `tgtctl user add`, or --secrets");
    }
    if (secret.size() < kMinSecret || secret.size() > kMaxSecret) {
      return add("user", index, "name",
                 fmt::format("the secret of {} must have {} to {} bytes", whose, kMinSecret, kMaxSecret));
    }
    if (!printable_ascii(secret.reveal())) {
      return add("user", index, "name", fmt::format("the secret of {} must be printable ASCII", whose));
    }
    const auto [owner, fresh] = secret_owner_.try_emplace(secret.reveal(), whose);
    // One counterpart of several users has one secret.
    if (!fresh && owner->second != whose)
      add("user", index, "name", fmt::format("{} and {} have the same secret", owner->second, whose));
  };
  one(user.secret, fmt::format("user \"{}\"", user.name));
  if (!user.mutual_user.empty()) one(user.mutual_secret, fmt::format("mutual user \"{}\"", user.mutual_user));
  if (user.mutual_user.empty() && !user.mutual_secret.empty()) {
    add("user", index, "mutual_user", fmt::format("user \"{}\" has a mutual secret, but no mutual_user", user.name));
  }
}

namespace {

// Empty: it is in no file.
std::string protection_path_of(const LogicalUnit& lu) {
  const StoreSpec& spec = lu.store;
  if (lu.unit.protection_type == 0 || !spec.protection_path.empty()) return spec.protection_path;
  return spec.kind == StoreKind::kFile ? spec.path + scsi::kProtectionSuffix : std::string();
}

}  // namespace

void Checker::logical_units() {
  std::set<std::string> paths, identities;
  for (std::size_t i = 0; i < config_.logical_units.size(); ++i) {
    const LogicalUnit& lu = config_.logical_units[i];
    require(valid_name(lu.unit.name), "lu", i, "name", "lu \"{}\": a name is 1 to 64 of letters, digits and . _ -",
            lu.unit.name);
    identity(i, lu.unit);
    store(i, lu);
    require(lu.store.path.empty() || paths.insert(lu.store.path).second, "lu", i, "path",
            "lu \"{}\": another logical unit has the same path", lu.unit.name);
    const std::string beside = protection_path_of(lu);
    require(beside.empty() || paths.insert(beside).second, "lu", i, "protection_path",
            "lu \"{}\": its protection information would be in the file of another logical unit", lu.unit.name);
    require(lu.unit.naa_high == 0 || identities.insert(format_naa(lu.unit)).second, "lu", i, "naa",
            "lu \"{}\": another logical unit has the same naa", lu.unit.name);
  }
}

void Checker::identity(std::size_t index, const scsi::LuConfig& unit) {
  const auto field = [&](const char* key, const std::string& value, std::size_t most) {
    require(value.size() <= most && printable_ascii(value), "lu", index, key,
            "lu \"{}\": {} is at most {} printable ASCII characters", unit.name, key, most);
  };
  field("vendor", unit.vendor, 8);
  field("product", unit.product, 16);
  field("revision", unit.revision, 4);
  field("serial", unit.serial, 36);
}

void Checker::store(std::size_t index, const LogicalUnit& lu) {
  const StoreSpec& spec = lu.store;
  const auto rule = [&](bool holds, const char* key, const char* text) {
    require(holds, "lu", index, key, "lu \"{}\": {}", lu.unit.name, text);
  };
  const bool on_path = spec.kind == StoreKind::kFile || spec.kind == StoreKind::kBlock;
  rule(!on_path || !spec.path.empty(), "path", "a file or block backstore needs a path");
  rule(on_path || spec.path.empty(), "path", "only file and block backstores have a path");
  rule(spec.path.empty() || (spec.path.front() == '/' && spec.path.size() < 4096), "path", "path must be absolute");
  rule(spec.path.find('\0') == std::string::npos, "path", "path holds a NUL");
  rule(spec.size != 0 || spec.kind == StoreKind::kBlock, "size", "size is missing");
  rule(spec.block_size == 512 || spec.block_size == 4096, "block_size", "block_size must be 512 or 4096");
  const std::uint32_t physical = lu.unit.physical_block_size;
  rule(physical == 0 || (std::has_single_bit(physical) && physical >= spec.block_size && physical <= 65536),
       "physical_block_size", "physical_block_size must be a power of two from block_size to 65536");
  rule(spec.memory_limit == 0 || spec.kind == StoreKind::kRam, "memory_limit",
       "only ram backstores have a memory_limit");
  const std::string& beside = spec.protection_path;
  rule(beside.empty() || lu.unit.protection_type != 0, "protection_path",
       "protection_path is for logical units with a protection_type");
  rule(on_path || beside.empty(), "protection_path", "only file and block backstores have a protection_path");
  rule(beside.empty() || (beside.front() == '/' && beside.size() < 4096 && beside.find('\0') == std::string::npos),
       "protection_path", "protection_path must be absolute");
  rule(lu.unit.protection_type == 0 || spec.kind != StoreKind::kBlock || !beside.empty(), "protection_path",
       "a block device has no room for protection information: name a file for it in protection_path");
  rule(spec.block_size == 0 || spec.size % spec.block_size == 0, "size", "size must be a multiple of block_size");
}

void Checker::portals() {
  std::set<std::string> addresses;
  for (std::size_t i = 0; i < config_.portals.size(); ++i) {
    const std::string& address = config_.portals[i].address;
    require(valid_portal_address(address), "portal", i, "address",
            "portal \"{}\": an address is 192.0.2.1:3260 or [2001:db8::1]:3260", address);
    require(addresses.insert(address).second, "portal", i, "address", "portal \"{}\" is there twice", address);
    redirection("portal", i, fmt::format("portal \"{}\"", address), config_.portals[i].redirection);
  }
}

void Checker::targets() {
  for (std::size_t i = 0; i < config_.targets.size(); ++i) {
    const Target& target = config_.targets[i];
    const std::string what = fmt::format("target \"{}\"", target.name);
    require(
        valid_iscsi_name(target.name), "target", i, "name",
        "{}: a name is iqn.YYYY-MM.DOMAIN[:NAME], eui. and 16 or naa. and 16 or 32 hexadecimal digits, in lower case",
        what);
    require(target.alias.size() <= 255 && printable_ascii(target.alias), "target", i, "alias",
            "{}: alias is at most 255 printable ASCII characters", what);
    require(!target.portal_groups.empty(), "target", i, "portal_groups", "{}: portal_groups is empty", what);
    for (const std::uint16_t group : target.portal_groups) {
      require(portal_groups_.contains(group), "target", i, "portal_groups", "{}: no portal is in group {}", what,
              group);
    }
    require(std::set(target.portal_groups.begin(), target.portal_groups.end()).size() == target.portal_groups.size(),
            "target", i, "portal_groups", "{}: a portal group is there twice", what);
    require(target.relative_port_ids.empty() || target.relative_port_ids.size() == target.portal_groups.size(),
            "target", i, "relative_port_ids",
            "{}: relative_port_ids has one number for each portal group, or is left out", what);
    for (const std::uint16_t id : target.relative_port_ids) {
      require(relative_port_ids_.insert(id).second, "target", i, "relative_port_ids",
              "{}: relative port identifier {} is another port's", what, id);
    }
    for (const std::string& pattern : target.initiators) {
      require(valid_initiator_pattern(pattern), "target", i, "initiators",
              "{}: \"{}\" is not an initiator name or pattern", what, pattern);
    }
    require(target.command_window >= 1 && target.command_window <= 1024, "target", i, "command_window",
            "{}: command_window is 1 to 1024", what);
    require(target.max_connections >= 1 && target.max_connections <= iscsi::kMaxSessionConnections, "target", i,
            "max_connections", "{}: max_connections is 1 to {}", what, iscsi::kMaxSessionConnections);
    require(target.error_recovery_level <= iscsi::kMaxErrorRecoveryLevel, "target", i, "error_recovery_level",
            "{}: error_recovery_level is 0 to {}", what, int{iscsi::kMaxErrorRecoveryLevel});
    for (const std::string& subnet : target.initiator_addresses) {
      require(iscsi::Subnet::parse(subnet).has_value(), "target", i, "initiator_addresses",
              "{}: \"{}\" is no address or subnet, as 192.0.2.0/24 or 2001:db8::/32", what, subnet);
    }
    redirection("target", i, what, target.redirection);
    access("target", i, what, target.access);
  }
}

void Checker::redirection(const char* section, std::size_t index, const std::string& what,
                          const iscsi::Redirection& to) {
  require(to.address.empty() || iscsi::names_portal(to.address), section, index, "redirect",
          "{}: redirect is host:port or [address]:port, not \"{}\"", what, to.address);
  require(!to.address.empty() || !to.permanent, section, index, "redirect_permanent",
          "{}: redirect_permanent needs a redirect", what);
}

void Checker::access(const char* section, std::size_t index, const std::string& what, const Access& access) {
  std::set<std::string> seen;
  for (const std::string& user : access.users) {
    require(user_names_.contains(user), section, index, "users", "{}: there is no user \"{}\"", what, user);
    require(seen.insert(user).second, section, index, "users", "{}: user \"{}\" is there twice", what, user);
  }
  require(!access.chap || access.radius || !access.users.empty(), section, index, "authentication",
          "{}: CHAP needs at least one user", what);
  require(!access.radius || !config_.radius.addresses.empty(), section, index, "authentication",
          "{}: RADIUS needs servers in [radius]", what);
  require(!access.radius || std::find(access.algorithms.begin(), access.algorithms.end(), iscsi::ChapAlgorithm::kMd5) !=
                                access.algorithms.end(),
          section, index, "algorithms", "{}: RADIUS knows md5 only", what);
  require(!access.algorithms.empty(), section, index, "algorithms", "{}: algorithms is empty", what);
  const std::set<iscsi::ChapAlgorithm> different(access.algorithms.begin(), access.algorithms.end());
  require(different.size() == access.algorithms.size(), section, index, "algorithms", "{}: an algorithm is there twice",
          what);
}

void Checker::fc_ports() {
  std::set<std::string> devices, names;
  for (std::size_t i = 0; i < config_.fc_ports.size(); ++i) {
    const FcPort& port = config_.fc_ports[i];
    const std::string what = fmt::format("fc_port \"{}\"", port.name);
    require(valid_name(port.name), "fc_port", i, "name", "{}: a name is 1 to 64 of letters, digits and . _ -", what);
    if (port.parent.empty()) {
      require(valid_device_address(port.device), "fc_port", i, "device",
              "{}: a device is a PCI address like 0000:3b:00.0, or unix:/PATH of a model's socket", what);
      require(devices.insert(port.device).second, "fc_port", i, "device", "{}: another port has the same device", what);
    } else {
      virtual_port(i, port, what);
    }
    require(port.wwpn.empty() || names.insert(port.wwpn).second, "fc_port", i, "wwpn",
            "{}: another port has the same wwpn", what);
    for (const std::string& pattern : port.initiators) {
      require(valid_wwpn_pattern(pattern), "fc_port", i, "initiators", "{}: \"{}\" is not a WWPN or pattern", what,
              pattern);
    }
    require(port.relative_port_id == 0 || relative_port_ids_.insert(port.relative_port_id).second, "fc_port", i,
            "relative_port_id", "{}: relative port identifier {} is another port's", what, port.relative_port_id);
  }
}

void Checker::virtual_port(std::size_t index, const FcPort& port, const std::string& what) {
  require(port.device.empty(), "fc_port", index, "device", "{}: a port has a device or a parent, not both", what);
  require(!port.wwpn.empty(), "fc_port", index, "wwpn", "{}: a port with a parent needs a wwpn", what);
  require(!port.loop && !port.confirmed_completion && !port.dual_role, "fc_port", index, "parent",
          "{}: loop, confirmed_completion and dual_role are its parent's affair", what);
  const auto& all = config_.fc_ports;
  const auto parent =
      std::find_if(all.begin(), all.end(), [&](const FcPort& each) { return each.name == port.parent; });
  require(parent != all.end() && parent->parent.empty(), "fc_port", index, "parent",
          "{}: there is no fc_port \"{}\" with a device", what, port.parent);
  const auto siblings =
      std::count_if(all.begin(), all.end(), [&](const FcPort& each) { return each.parent == port.parent; });
  require(siblings <= kMaxVirtualPorts, "fc_port", index, "parent", "{}: \"{}\" has more than {} virtual ports", what,
          port.parent, kMaxVirtualPorts);
}

void Checker::groups() {
  const auto& hosts = config_.mapping.host_groups;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    require(valid_name(hosts[i].name), "host_group", i, "name",
            "host_group \"{}\": a name is 1 to 64 of letters, digits and . _ -", hosts[i].name);
    for (const std::string& pattern : hosts[i].initiators) {
      require(valid_initiator_pattern(pattern), "host_group", i, "initiators",
              "host_group \"{}\": \"{}\" is not an initiator name or pattern", hosts[i].name, pattern);
    }
  }
  const auto& targets = config_.mapping.target_groups;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    require(valid_name(targets[i].name) && !target_names_.contains(targets[i].name), "target_group", i, "name",
            "target_group \"{}\": a name is 1 to 64 of letters, digits and . _ -, and no target's", targets[i].name);
    for (const std::string& member : targets[i].targets) {
      require(target_names_.contains(member), "target_group", i, "targets",
              "target_group \"{}\": there is no target \"{}\"", targets[i].name, member);
    }
  }
}

void Checker::views() {
  std::set<std::tuple<std::string_view, std::string_view, std::string_view, std::uint32_t>> seen;
  for (std::size_t i = 0; i < config_.mapping.views.size(); ++i) {
    const scsi::View& view = config_.mapping.views[i];
    const std::string what = fmt::format("view of lu \"{}\" at LUN {}", view.lu, view.lun);
    require(lu_names_.contains(view.lu), "view", i, "lu", "{}: there is no such lu", what);
    require(view.host_group.empty() || host_groups_.contains(view.host_group), "view", i, "host_group",
            "{}: there is no host_group \"{}\"", what, view.host_group);
    require(view.target_group.empty() || target_groups_.contains(view.target_group) ||
                target_names_.contains(view.target_group),
            "view", i, "target_group", "{}: there is no target_group or target \"{}\"", what, view.target_group);
    require(view.lun <= scsi::kMaxLunNumber, "view", i, "lun", "{}: a LUN is 0 to {}", what, scsi::kMaxLunNumber);
    require(seen.insert({view.lu, view.host_group, view.target_group, view.lun}).second, "view", i, "lu",
            "{} is there twice", what);
  }
}

void Checker::limits() {
  using std::chrono::hours, std::chrono::minutes, std::chrono::seconds;
  const iscsi::Limits& limits = config_.limits;
  require(limits.max_connections >= 1 && limits.max_connections <= 1'000'000, "limits", 0, "max_connections",
          "limits: max_connections is 1 to 1000000");
  require(limits.max_logins_per_peer >= 1 && limits.max_logins_per_peer <= 65'535, "limits", 0, "max_logins_per_peer",
          "limits: max_logins_per_peer is 1 to 65535");
  require(limits.max_logins >= 1 && limits.max_logins <= 1'000'000, "limits", 0, "max_logins",
          "limits: max_logins is 1 to 1000000");
  duration("limits", 0, "login_timeout", limits.login_timeout, seconds(1), minutes(10), false);
  duration("limits", 0, "nop_interval", limits.nop_interval, seconds(1), hours(1), true);
  duration("limits", 0, "nop_timeout", limits.nop_timeout, seconds(1), minutes(10), false);
}

void Checker::metrics() {
  const std::string& listen = config_.metrics.listen;
  require(listen.empty() || valid_portal_address(listen), "metrics", 0, "listen",
          "metrics: listen is 127.0.0.1:9480 or [::1]:9480, not \"{}\"", listen);
}

void Checker::radius() {
  const iscsi::RadiusServers& servers = config_.radius;
  std::set<std::string> seen;
  for (const std::string& address : servers.addresses) {
    require(valid_portal_address(address) && !address.ends_with(":0"), "radius", 0, "servers",
            "radius: \"{}\": a server is 192.0.2.5:1812 or [2001:db8::5]:1812", address);
    require(seen.insert(address).second, "radius", 0, "servers", "radius: server \"{}\" is there twice", address);
  }
  require(servers.addresses.size() <= 8, "radius", 0, "servers", "radius: there are at most 8 servers");
  require(servers.addresses.empty() || servers.secret_file.starts_with('/'), "radius", 0, "secret_file",
          "radius: secret_file is the absolute path of a file that only we can read");
  require(servers.nas_identifier.size() <= 253 && printable_ascii(servers.nas_identifier), "radius", 0,
          "nas_identifier", "radius: nas_identifier is at most 253 printable ASCII characters");
  require(servers.tries >= 1 && servers.tries <= 10, "radius", 0, "tries", "radius: tries is 1 to 10");
  duration("radius", 0, "timeout", servers.timeout, std::chrono::milliseconds(100), std::chrono::seconds(30), false);
}

void Checker::isns() {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < config_.isns.size(); ++i) {
    const iscsi::IsnsServer& server = config_.isns[i];
    require(valid_portal_address(server.address) && !server.address.ends_with(":0"), "isns", i, "server",
            "isns: \"{}\": a server is 192.0.2.6:3205 or [2001:db8::6]:3205", server.address);
    require(seen.insert(server.address).second, "isns", i, "server", "isns server \"{}\" is there twice",
            server.address);
    require(server.entity.size() <= 255 && printable_ascii(server.entity), "isns", i, "entity",
            "isns: entity is at most 255 printable ASCII characters");
    duration("isns", i, "period", server.period, std::chrono::seconds(15), std::chrono::hours(24), false);
    duration("isns", i, "inquiry_interval", server.inquiry_interval, std::chrono::seconds(1), std::chrono::hours(1),
             false);
  }
}

void Checker::duration(const char* section, std::size_t index, const char* key, base::Duration value,
                       base::Duration least, base::Duration most, bool or_zero) {
  require((or_zero && value == base::Duration::zero()) || (value >= least && value <= most), section, index, key,
          "{}: {} is {} to {}{}", section, key, format_duration(least), format_duration(most),
          or_zero ? ", or 0s for never" : "");
}

}  // namespace

std::vector<Problem> find_problems(const Config& config) { return Checker(config).run(); }

base::Result<void> check(const Config& config) {
  std::string text;
  for (const Problem& problem : find_problems(config))
    text += (text.empty() ? "" : "\n") + base::escaped(problem.text, 1000);
  if (!text.empty()) return base::fail(base::Errc::kInvalid, std::move(text));
  return {};
}

}  // namespace ctl
