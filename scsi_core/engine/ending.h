// The ways on and out of a command: what was owed has come, or the command is over.
#pragma once

#include <optional>

#include "scsi_core/command.h"

namespace scsi {

// What the command waited for has come: its next step, or its end if it was aborted meanwhile.
void resume(Command& command);
// The same from the poll loop; `next` becomes core.next.
void continue_later(Command& command, Step next);
// Ends a command that the core holds: its status is in `outcome`, or nothing is sent.
void complete(Command& command, const Outcome& outcome);
void end_aborted(Command& command);
// The last Data-In was delivered with GOOD.
void end_with_data(Command& command);
// Fills command.response.
void respond(Command& command, const Outcome& outcome);
void respond_good(Command& command);

}  // namespace scsi
