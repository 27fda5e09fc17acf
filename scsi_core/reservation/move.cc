// REGISTER AND MOVE (SPC-5 5.14.8): registers another I_T nexus and makes it the reservation's holder.
#include <algorithm>

#include "scsi_core/reservation/table.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

// Places in the parameter list, SPC-5 table 209.
constexpr std::uint16_t kServiceKeyByte = 8;
constexpr std::uint16_t kRelativePortByte = 18;

}  // namespace

ReserveResult ReservationTable::register_and_move(const NexusKey& nexus, const ReserveRequest& request,
                                                  const ReserveContext& context) {
  if (type_ == ReservationType::kNone) return Outcome::invalid_cdb_field(1, 4);
  if (is_all_registrants(type_) || !holds(nexus)) return Status::kReservationConflict;
  if (request.service_key == 0) return Outcome::invalid_parameter(kServiceKeyByte);
  if (request.list_error.status != Status::kGood) return request.list_error;
  const NamedInitiator& named = request.initiators.front();
  const auto port = std::ranges::find(context.ports, request.relative_port, &TargetPortIdentity::relative_id);
  if (port == context.ports.end()) return Outcome::invalid_parameter(kRelativePortByte);
  // A node name does not say which initiator port is to hold the reservation.
  if (named.any_session || named.id.protocol != port->protocol || named.id == nexus.initiator) {
    return Outcome::invalid_parameter(named.byte);
  }
  const NexusKey target{named.id, request.relative_port};
  const std::size_t leaving = request.unregister ? 1 : 0;
  if (!registered(target) && registrations_.size() - leaving + 1 > kMaxRegistrants) {
    return Outcome::check(kInsufficientRegistrationResources);
  }
  put(target, request.service_key);
  holder_ = target;
  if (request.unregister) remove(nexus);
  ++generation_;
  persists_ = request.persist;
  ReserveResult result;
  result.changed = true;
  return result;
}

}  // namespace scsi
