// The reservation table: its parts, who holds it, and the dispatch of service actions.
#include "scsi_core/reservation/table.h"

#include <algorithm>

#include "scsi_core/lu_control.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

bool denies_reads(ReservationType type) {
  return type == ReservationType::kExclusiveAccess || type == ReservationType::kExclusiveAccessRegistrantsOnly ||
         type == ReservationType::kExclusiveAccessAllRegistrants;
}

constexpr std::uint8_t kDenyAll = kDenyRead | kDenyWrite | kDenyOther;

}  // namespace

bool is_reservation_type(std::uint8_t type) {
  return type == 1 || type == 3 || type == 5 || type == 6 || type == 7 || type == 8;
}

bool is_all_registrants(ReservationType type) {
  return type == ReservationType::kWriteExclusiveAllRegistrants ||
         type == ReservationType::kExclusiveAccessAllRegistrants;
}

bool is_registrants_only(ReservationType type) {
  return type == ReservationType::kWriteExclusiveRegistrantsOnly ||
         type == ReservationType::kExclusiveAccessRegistrantsOnly;
}

std::uint8_t Denials::of(const NexusKey& nexus) const {
  if (reserver.has_value()) return *reserver == nexus ? std::uint8_t{0} : kDenyAll | kDenyReserved;
  if (type == ReservationType::kNone || holder == nexus) return 0;
  if (std::ranges::find(registrants, nexus) != registrants.end()) return 0;
  return denies_reads(type) ? kDenyAll : static_cast<std::uint8_t>(kDenyWrite | kDenyOther);
}

Denials ReservationTable::denials() const {
  Denials made{type_, holder_, reserver_, {}};
  if (is_registrants_only(type_) || is_all_registrants(type_)) {
    for (const Registration& registration : registrations_) made.registrants.push_back(registration.nexus);
  }
  return made;
}

const Registration* ReservationTable::find(const NexusKey& nexus) const {
  const auto found = std::ranges::find(registrations_, nexus, &Registration::nexus);
  return found == registrations_.end() ? nullptr : &*found;
}

Registration* ReservationTable::find(const NexusKey& nexus) {
  return const_cast<Registration*>(std::as_const(*this).find(nexus));
}

bool ReservationTable::holds(const NexusKey& nexus) const {
  return is_all_registrants(type_) ? registered(nexus) : holder_ == nexus;
}

ReserveResult ReservationTable::apply(const NexusKey& nexus, const ReserveRequest& request,
                                      const ReserveContext& context) {
  if (reserver_.has_value()) return Status::kReservationConflict;
  if (request.action == ReserveAction::kReplaceLost) return replace_lost(nexus, request);
  if (lost_) return Outcome::check(kPersistentReservationInformationLost);
  if (request.action == ReserveAction::kRegister || request.action == ReserveAction::kRegisterAndIgnore) {
    return do_register(nexus, request, context);
  }
  const Registration* const own = find(nexus);
  if (own == nullptr || own->key != request.key) return Status::kReservationConflict;
  switch (request.action) {
    case ReserveAction::kReserve:
      return persistent_reserve(nexus, request);
    case ReserveAction::kRelease:
      return persistent_release(nexus, request);
    case ReserveAction::kClear:
      return clear(nexus);
    case ReserveAction::kPreempt:
    case ReserveAction::kPreemptAndAbort:
      return preempt(nexus, request);
    case ReserveAction::kRegisterAndMove:
      return register_and_move(nexus, request, context);
    default:
      return Outcome::invalid_cdb_field(1, 4);
  }
}

bool ReservationTable::forget_nexus(const NexusKey& nexus) { return reserver_ == nexus && reset(); }

bool ReservationTable::reset() {
  const bool had = reserver_.has_value();
  reserver_.reset();
  return had;
}

void ReservationTable::put(const NexusKey& nexus, std::uint64_t key) {
  if (Registration* const existing = find(nexus)) {
    existing->key = key;
  } else {
    registrations_.push_back({nexus, key});
  }
}

void ReservationTable::remove(const NexusKey& nexus) {
  std::erase_if(registrations_, [&](const Registration& each) { return each.nexus == nexus; });
}

void ReservationTable::establish(const NexusKey& nexus, ReservationType type) {
  type_ = type;
  holder_.reset();
  if (!is_all_registrants(type)) holder_ = nexus;
}

void ReservationTable::end_reservation() {
  type_ = ReservationType::kNone;
  holder_.reset();
}

// SPC-5 5.14.11.2.3: a reservation ends with the registration of its holder, or of its last holder.
void ReservationTable::settle_after_removal(const NexusKey& sender, ReserveResult& result) {
  if (is_all_registrants(type_) && registrations_.empty()) end_reservation();
  if (!holder_.has_value() || registered(*holder_)) return;
  if (is_registrants_only(type_)) result.attentions.push_back({kReservationsReleased, registrants_but(sender)});
  end_reservation();
}

std::vector<NexusKey> ReservationTable::registrants_but(const NexusKey& nexus) const {
  std::vector<NexusKey> others;
  for (const Registration& registration : registrations_) {
    if (registration.nexus != nexus) others.push_back(registration.nexus);
  }
  return others;
}

}  // namespace scsi
