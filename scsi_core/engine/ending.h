// The ways on and out of a command: what was owed has come, or the command is over.
#pragma once

#include <optional>

#include "scsi_core/command.h"
#include "scsi_core/device_server.h"

namespace scsi {

// What the command waited for has come: its next step, or its end if it was aborted meanwhile.
void resume(Command& command);
// The same from the poll loop; `next` becomes core.next.
void continue_later(Command& command, Step next);
// Ends a command that the core holds: its status is in `outcome`, or nothing is sent.
void complete(Command& command, const Outcome& outcome);
void end_aborted(Command& command);
// Fill command.response.
void respond(Command& command, const Outcome& outcome);
void set_residual(Command& command, bool good);
inline void respond_good(Command& command) {
  Response& response = command.response;
  response.status = Status::kGood;
  response.sense_length = 0;
  if (command.core.length == command.expected_length && command.direction == command.core.row->direction) [[likely]] {
    response.residual = Response::Residual::kNone;
    response.residual_count = 0;
    return;
  }
  set_residual(command, true);
}

}  // namespace scsi
