// REGISTER and REGISTER AND IGNORE EXISTING KEY (SPC-5 5.14.7), with SPEC_I_PT and ALL_TG_PT.
#include <algorithm>

#include "scsi_core/reservation/table.h"
#include "scsi_core/reservation/transport_id.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr std::uint16_t kFlagsByte = 20;
constexpr int kSpecIPtBit = 3;

// The target ports that a registration with this protocol is for: all of them, or the sender's.
std::vector<std::uint16_t> ports_for(std::uint8_t protocol, const NexusKey& sender, bool all,
                                     const ReserveContext& context) {
  std::vector<std::uint16_t> ports;
  if (protocol == sender.initiator.protocol) ports.push_back(sender.relative_port_id);
  for (const TargetPortIdentity& port : context.ports) {
    if (all && port.protocol == protocol && port.relative_id != sender.relative_port_id) {
      ports.push_back(port.relative_id);
    }
  }
  return ports;
}

// The initiator ports that a TransportID names: one, or every known one of an iSCSI node.
std::vector<TransportId> initiator_ports(const NamedInitiator& named, const std::vector<Registration>& registrations,
                                         const ReserveContext& context) {
  if (!named.any_session) return {named.id};
  std::vector<TransportId> found;
  const auto consider = [&](const TransportId& id) {
    if (id.protocol == named.id.protocol && node_name(id) == named.id.name &&
        std::ranges::find(found, id) == found.end()) {
      found.push_back(id);
    }
  };
  for (const NexusKey& nexus : context.nexuses) consider(nexus.initiator);
  for (const Registration& registration : registrations) consider(registration.nexus.initiator);
  return found;
}

}  // namespace

ReserveResult ReservationTable::do_register(const NexusKey& nexus, const ReserveRequest& request,
                                            const ReserveContext& context) {
  const Registration* const own = find(nexus);
  if (request.action == ReserveAction::kRegister) {
    if (request.key != (own != nullptr ? own->key : 0)) return Status::kReservationConflict;
    if (own == nullptr && request.service_key == 0) return {};
    if (own != nullptr && request.specify_initiators) {
      return Outcome::invalid_parameter(kFlagsByte, kSpecIPtBit);
    }
  }
  std::vector<NexusKey> targets;
  if (own != nullptr || request.service_key != 0) targets.push_back(nexus);
  if (request.all_target_ports) {
    if (const Outcome outcome = through_all_ports(nexus, request, context, targets); outcome.status != Status::kGood) {
      return outcome;
    }
  }
  if (request.specify_initiators) {
    if (const Outcome outcome = named_initiators(nexus, request, context, targets); outcome.status != Status::kGood) {
      return outcome;
    }
  }
  if (targets.empty()) return {};
  return set_key(nexus, targets, request.service_key, request.persist);
}

// ALL_TG_PT: as if the same request had come through each target port, all or none.
Outcome ReservationTable::through_all_ports(const NexusKey& nexus, const ReserveRequest& request,
                                            const ReserveContext& context, std::vector<NexusKey>& targets) const {
  for (const std::uint16_t port : ports_for(nexus.initiator.protocol, nexus, true, context)) {
    const NexusKey target{nexus.initiator, port};
    if (target == nexus) continue;
    const Registration* const existing = find(target);
    // A port that has nothing to remove does not stand in the way of those that have.
    if (existing == nullptr && request.service_key == 0) continue;
    if (existing != nullptr && request.action == ReserveAction::kRegister && existing->key != request.key &&
        existing->key != request.service_key) {
      return Outcome::of(Status::kReservationConflict);
    }
    targets.push_back(target);
  }
  return Outcome::good();
}

// SPEC_I_PT: also each named initiator port, none of which may be registered yet (SPC-5 table 67 note b).
Outcome ReservationTable::named_initiators(const NexusKey& nexus, const ReserveRequest& request,
                                           const ReserveContext& context, std::vector<NexusKey>& targets) const {
  if (request.list_error.status != Status::kGood) return request.list_error;
  for (const NamedInitiator& named : request.initiators) {
    const auto ports = ports_for(named.id.protocol, nexus, request.all_target_ports, context);
    const auto initiators = initiator_ports(named, registrations_, context);
    if (ports.empty() || initiators.empty()) return Outcome::invalid_parameter(named.byte);
    for (const TransportId& initiator : initiators) {
      if (initiator == nexus.initiator) continue;  // is being registered anyway
      for (const std::uint16_t port : ports) {
        const NexusKey target{initiator, port};
        if (registered(target) || std::ranges::find(targets, target) != targets.end()) {
          return Outcome::invalid_parameter(named.byte);
        }
        targets.push_back(target);
        if (targets.size() > kMaxRegistrants) return Outcome::check(kInsufficientRegistrationResources);
      }
    }
  }
  return Outcome::good();
}

ReserveResult ReservationTable::set_key(const NexusKey& sender, const std::vector<NexusKey>& targets, std::uint64_t key,
                                        bool persist) {
  ReserveResult result;
  const auto fresh = std::ranges::count_if(targets, [&](const NexusKey& target) { return !registered(target); });
  if (key != 0 && registrations_.size() + static_cast<std::size_t>(fresh) > kMaxRegistrants) {
    return Outcome::check(kInsufficientRegistrationResources);
  }
  for (const NexusKey& target : targets) {
    if (key != 0) {
      put(target, key);
    } else {
      remove(target);
    }
  }
  settle_after_removal(sender, result);
  ++generation_;
  persists_ = persist;
  result.changed = true;
  return result;
}

}  // namespace scsi
