// Transfers whose protection information is the port's affair.
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/transfer.h"
#include "scsi_core/execution.h"

namespace scsi {
namespace {

Transfer begin(Command& command, CommandState state, CommandEvent event, const ProtectedMove& move,
               const hal::ProtectionTransfer& protection) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive && move.offset + move.length <= transferable(command));
  enter_transfer(command, state, event, move.length);
  core.protection = protection;
  core.protection.segments = cut_segments(core, move.information_at, move.information_length, core.information);
  return {cut_segments(core, move.data_at, move.data_length, core.window), move.offset, move.length, core.status_sent,
          &core.protection};
}

void data_in(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection) {
  command.nexus->port.send_data_in(command,
                                   begin(command, CommandState::kDataIn, CommandEvent::kDataInAsked, move, protection));
}

}  // namespace

void send_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection, Step then) {
  command.core.next = then;
  data_in(command, move, protection);
}

void send_last_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection) {
  respond_good(command);
  command.core.status_sent = true;
  data_in(command, move, protection);
}

void receive_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection,
                       Step then) {
  command.core.next = then;
  command.nexus->port.receive_data_out(
      command, begin(command, CommandState::kDataOut, CommandEvent::kDataOutAsked, move, protection));
}

}  // namespace scsi
