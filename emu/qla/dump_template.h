// The program by which hosts dump a later chip's firmware, as it is appended to the firmware's image: registers while
// the RISC stands still, queues as the host has them, and, after a reset, memory of the RISC.
#pragma once

#include <cstddef>
#include <vector>

#include "emu/qla/chip.h"

namespace emu::qla {

std::vector<std::byte> make_dump_template(const Chip& chip);

}  // namespace emu::qla
