// PREEMPT and PREEMPT AND ABORT (SPC-5 5.14.11.2.4 to 5.14.11.2.6).
#include <algorithm>

#include "scsi_core/reservation/table.h"
#include "scsi_core/sense_codes.h"

namespace scsi {

ReserveResult ReservationTable::preempt(const NexusKey& nexus, const ReserveRequest& request) {
  const bool everybody = is_all_registrants(type_);
  if (request.service_key == 0) {
    return everybody ? preempt_reservation(nexus, request) : ReserveResult(Outcome::invalid_parameter(8));
  }
  const Registration* const held_by = holder_.has_value() ? find(*holder_) : nullptr;
  if (held_by != nullptr && held_by->key == request.service_key) return preempt_reservation(nexus, request);
  return remove_registrations(nexus, request.service_key);
}

// The reservation changes hands. SERVICE ACTION RESERVATION KEY zero: of an all registrants type, from everybody.
ReserveResult ReservationTable::preempt_reservation(const NexusKey& nexus, const ReserveRequest& request) {
  ReserveResult result;
  result.outcome = check_scope_and_type(request);
  if (result.outcome.status != Status::kGood) return result;
  const auto type = static_cast<ReservationType>(request.type);
  const bool type_changes = type != type_;
  ReserveAttention lost{kRegistrationsPreempted, {}};
  for (const Registration& each : registrations_) {
    if (request.service_key != 0 && each.key != request.service_key) continue;
    result.preempted.push_back(each.nexus);
    if (each.nexus != nexus) lost.nexuses.push_back(each.nexus);
  }
  for (const NexusKey& each : lost.nexuses) remove(each);
  establish(nexus, type);
  result.attentions.push_back(std::move(lost));
  if (type_changes) result.attentions.push_back({kReservationsReleased, registrants_but(nexus)});
  ++generation_;
  result.changed = true;
  return result;
}

// Registrations go, the reservation stays; SCOPE and TYPE are not looked at.
ReserveResult ReservationTable::remove_registrations(const NexusKey& nexus, std::uint64_t key) {
  ReserveResult result;
  ReserveAttention lost{kRegistrationsPreempted, {}};
  for (const Registration& each : registrations_) {
    if (each.key != key) continue;
    result.preempted.push_back(each.nexus);
    if (each.nexus != nexus) lost.nexuses.push_back(each.nexus);
  }
  if (result.preempted.empty()) return Status::kReservationConflict;
  for (const NexusKey& each : result.preempted) remove(each);
  result.attentions.push_back(std::move(lost));
  settle_after_removal(nexus, result);
  ++generation_;
  result.changed = true;
  return result;
}

}  // namespace scsi
