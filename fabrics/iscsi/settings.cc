// Look-ups in the configuration.
#include "fabrics/iscsi/settings.h"

#include <algorithm>

#include "fabrics/iscsi/address.h"
#include "fabrics/iscsi/discovery.h"
#include "fabrics/iscsi/names.h"

namespace iscsi {

Settings::Settings(FabricConfig config, std::vector<Portal> portals)
    : config_(std::move(config)), portals_(std::move(portals)) {
  for (const Target& target : config_.targets) by_name_.emplace(target.name, &target);
}

Settings::~Settings() {
  for (Target& target : config_.targets) wipe(target.authentication);
  wipe(config_.discovery);
}

const Target* Settings::find_target(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

bool Settings::permits(const Target& target, std::string_view initiator, std::string_view peer) {
  return (target.initiators.empty() || matches_any(target.initiators, initiator)) &&
         (target.initiator_addresses.empty() || any_contains(target.initiator_addresses, peer));
}

const Redirection* Settings::redirection(const Target& target, std::uint16_t portal_group,
                                         std::string_view local) const {
  if (!target.redirection.address.empty()) return &target.redirection;
  for (const Portal& portal : portals_) {
    if (portal.redirection.address.empty() || portal.tag != portal_group) continue;
    if (reachable_address(portal.address, std::string(local)) == local) return &portal.redirection;
  }
  return nullptr;
}

const Portal* Settings::portal_at(std::uint16_t portal_group, std::string_view local) const {
  const auto at = std::find_if(portals_.begin(), portals_.end(), [&](const Portal& portal) {
    return portal.tag == portal_group && reachable_address(portal.address, std::string(local)) == local;
  });
  return at == portals_.end() ? nullptr : &*at;
}

bool Settings::offers(const Target& target, std::uint16_t portal_group) {
  return std::find(target.portal_groups.begin(), target.portal_groups.end(), portal_group) !=
         target.portal_groups.end();
}

scsi::TargetPortIdentity Settings::port_identity(const Target& target, std::uint16_t portal_group) {
  const auto at = std::find(target.portal_groups.begin(), target.portal_groups.end(), portal_group);
  return {.protocol = 5,
          .relative_id = target.relative_port_ids[static_cast<std::size_t>(at - target.portal_groups.begin())],
          .port_group = portal_group,
          .target_name = target.name,
          .port_name = target_port_name(target.name, portal_group)};
}

}  // namespace iscsi
