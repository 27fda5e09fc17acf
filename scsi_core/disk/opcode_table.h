// The opcode tables of the disk, with and without logical block provisioning and protection information.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scsi_core/device_server.h"

namespace scsi::disk {

// `thin`: the backstore keeps holes, so that UNMAP, WRITE SAME with UNMAP and GET LBA STATUS are there. `protection`:
// the type, 0 for none.
const OpcodeTable& opcodes(bool thin, std::uint8_t protection = 0);

// The rows of a unit with protection information out of those of one without (protected_table.cc).
std::vector<OpcodeRow> with_protection(std::span<const OpcodeRow> plain, std::uint8_t type);

}  // namespace scsi::disk
