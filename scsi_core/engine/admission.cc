// The checks that a command passes when its turn has come, in the order of SAM-5 5.3.3; nothing here waits.
#include "base/check.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/execution.h"
#include "scsi_core/lu_control.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

bool denied(Conflict conflict, std::uint8_t denials) {
  switch (conflict) {
    case Conflict::kRead:
      return (denials & kDenyRead) != 0;
    case Conflict::kWrite:
      return (denials & kDenyWrite) != 0;
    case Conflict::kRegistrantsOnly:
      return (denials & kDenyOther) != 0;
    case Conflict::kReserve:
      return (denials & kDenyReserved) != 0;
    case Conflict::kAllowed:
    case Conflict::kPersistent:
      return false;
  }
  return false;
}

// The condition is reported once, by this command, unless the control mode page keeps it until REQUEST SENSE.
bool refused_by_attention(Command& command, ItlNexus& itl) {
  const Outcome outcome = Outcome::check(itl.attentions.first());
  if ((itl.lu->flags.load(std::memory_order_relaxed) & kLuAttentionsStay) == 0) itl.attentions.pop();
  finish(command, outcome);
  return true;
}

bool refused_by_unit_state(Command& command, std::uint32_t flags) {
  const OpcodeRow& row = *command.core.row;
  const bool medium = row.serial != Serial::kNone || (row.flags & kNeedsMedium) != 0;
  const auto refuse = [&](SenseCode code) {
    finish(command, Outcome::check(code));
    return true;
  };
  if ((flags & kLuRemoving) != 0) return refuse(kLogicalUnitNotSupported);
  if (!medium) return false;
  if ((flags & kLuFailed) != 0) return refuse(kManualInterventionRequired);
  if ((flags & kLuMetadataUnreadable) != 0) return refuse(kManualInterventionRequired);
  if ((row.flags & kNeedsMedium) != 0 && (flags & kLuEjected) != 0) return refuse(kMediumNotPresent);
  if ((row.flags & kNeedsMedium) != 0 && (flags & kLuStopped) != 0) return refuse(kInitializingCommandRequired);
  if ((row.flags & kWritesMedium) == 0) return false;
  if ((flags & kLuWriteProtected) != 0 || command.core.itl->read_only) return refuse(kWriteProtected);
  return (flags & kLuSoftwareWriteProtected) != 0 && refuse(kLogicalUnitSoftwareWriteProtected);
}

}  // namespace

bool refused_by_cdb(Command& command) {
  const OpcodeRow& row = *command.core.row;
  if (command.direction == DataDirection::kBidirectional) {
    finish(command, Outcome::check(kInvalidFieldInCommandInformationUnit));
    return true;
  }
  if (command.attribute == TaskAttribute::kAca) {  // no ACA condition can exist: NACA is refused
    finish(command, Outcome::check(kInvalidMessageError));
    return true;
  }
  if ((row.flags & kStandIn) != 0) return false;  // usage bits and length do not apply
  if (command.cdb_length < row.length) {
    finish(command, Outcome::invalid_cdb_field(command.cdb_length));
    return true;
  }
  if (row.allows(command.cdb.data())) [[likely]] {
    return false;
  }
  const std::optional<CdbBit> wrong = row.first_forbidden_bit(command.cdb.data());
  CHECK(wrong.has_value());
  finish(command, Outcome::invalid_cdb_field(wrong->byte, wrong->bit));
  return true;
}

// Everything that needs a closer look; true when the command has been ended or taken over.
bool Router::refused(Command& command) {
  CoreState& core = command.core;
  ItlNexus& itl = *core.itl;
  const bool attention = !itl.attentions.empty() && (core.row->flags & kBypassesUnitAttention) == 0;
  if (attention && itl.attentions.precedes_reservation_conflict()) return refused_by_attention(command, itl);
  if (itl.denials != 0 && denied(core.row->conflict, itl.denials)) {
    finish(command, Outcome::of(Status::kReservationConflict));
    return true;
  }
  if (attention) return refused_by_attention(command, itl);
  if (refused_by_cdb(command)) return true;
  const std::uint32_t flags = core.lu->flags.load(std::memory_order_relaxed);
  if (refused_by_unit_state(command, flags)) return true;
  return (flags & kLuInjecting) != 0 && injector_.apply(command);
}

}  // namespace scsi
