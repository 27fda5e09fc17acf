// RESERVE, RELEASE, CLEAR and REPLACE LOST RESERVATION (SPC-5 5.14.9, 5.14.11), and RESERVE and RELEASE of SPC-2.
#include "scsi_core/reservation/table.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
Outcome check_scope_and_type(const ReserveRequest& request) {
  if (request.scope != 0) return Outcome::invalid_cdb_field(2, 7);
  if (!is_reservation_type(request.type)) return Outcome::invalid_cdb_field(2, 3);
  return Outcome::good();
}

ReserveResult ReservationTable::persistent_reserve(const NexusKey& nexus, const ReserveRequest& request) {
  if (const Outcome outcome = check_scope_and_type(request); outcome.status != Status::kGood) {
    return outcome;
  }
  const auto type = static_cast<ReservationType>(request.type);
  if (type_ != ReservationType::kNone) {
    return holds(nexus) && type == type_ ? Status::kGood : Status::kReservationConflict;
  }
  establish(nexus, type);
  ReserveResult result;
  result.changed = true;
  return result;
}

ReserveResult ReservationTable::persistent_release(const NexusKey& nexus, const ReserveRequest& request) {
  ReserveResult result;
  if (!holds(nexus)) return request.scope != 0 ? ReserveResult(Outcome::invalid_cdb_field(2, 7)) : result;
  if (request.scope != 0 || request.type != static_cast<std::uint8_t>(type_)) {
    return Outcome::check(kInvalidReleaseOfPersistentReservation);
  }
  if (is_registrants_only(type_) || is_all_registrants(type_)) {
    result.attentions.push_back({kReservationsReleased, registrants_but(nexus)});
  }
  end_reservation();
  result.changed = true;
  return result;
}

ReserveResult ReservationTable::clear(const NexusKey& nexus) {
  ReserveResult result;
  result.attentions.push_back({kReservationsPreempted, registrants_but(nexus)});
  registrations_.clear();
  end_reservation();
  ++generation_;
  result.changed = true;
  return result;
}

ReserveResult ReservationTable::replace_lost(const NexusKey& nexus, const ReserveRequest& request) {
  if (!lost_) {
    if (!registered(nexus)) return Status::kReservationConflict;
    return Outcome::check(kInvalidReleaseOfPersistentReservation);
  }
  if (request.key != 0) return Outcome::invalid_parameter(0);
  if (request.service_key == 0) return Outcome::invalid_parameter(8);
  if (request.all_target_ports) return Outcome::invalid_parameter(20, 2);
  if (const Outcome outcome = check_scope_and_type(request); outcome.status != Status::kGood) {
    return outcome;
  }
  registrations_ = {{nexus, request.service_key}};
  establish(nexus, static_cast<ReservationType>(request.type));
  generation_ = 0;
  persists_ = request.persist;
  lost_ = false;
  ReserveResult result;
  result.changed = true;
  return result;
}

// SPC-5 5.14.3: these nexuses may send RESERVE and RELEASE as they always did; both do nothing.
bool ReservationTable::compatible(const NexusKey& nexus) const {
  return holds(nexus) || (registered(nexus) && (is_registrants_only(type_) || is_all_registrants(type_)));
}

ReserveResult ReservationTable::reserve(const NexusKey& nexus) {
  if (lost_) return Outcome::check(kPersistentReservationInformationLost);
  if (compatible(nexus) || reserver_ == nexus) return {};
  if (!registrations_.empty() || reserver_.has_value()) return Status::kReservationConflict;
  reserver_ = nexus;
  ReserveResult result;
  result.changed = true;
  return result;
}

ReserveResult ReservationTable::release(const NexusKey& nexus) {
  if (lost_) return Outcome::check(kPersistentReservationInformationLost);
  if (compatible(nexus)) return {};
  if (!registrations_.empty()) return Status::kReservationConflict;
  ReserveResult result;
  result.changed = forget_nexus(nexus);
  return result;
}

}  // namespace scsi
