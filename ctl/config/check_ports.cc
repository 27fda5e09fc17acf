// Rules of portals, targets and Fibre Channel ports.
#include <algorithm>

#include "ctl/config/checker.h"
#include "ctl/config/names.h"
#include "fabrics/iscsi/address.h"

namespace ctl {
namespace {

constexpr std::ptrdiff_t kMaxVirtualPorts = 63;  // of one adapter

}  // namespace

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

}  // namespace ctl
