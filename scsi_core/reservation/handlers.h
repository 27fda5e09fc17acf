// Handlers that the opcode table refers to: PERSISTENT RESERVE IN and OUT, and RESERVE and RELEASE of SPC-2.
#pragma once

#include "scsi_core/command.h"

namespace scsi {

void persistent_reserve_in(Command& command);   // every service action; the table has checked which
void persistent_reserve_out(Command& command);  // likewise
void reserve_6(Command& command);
void reserve_10(Command& command);
void release_6(Command& command);
void release_10(Command& command);

}  // namespace scsi
