// The opcode tables of the disk, with and without logical block provisioning.
#pragma once

#include "scsi_core/device_server.h"

namespace scsi::disk {

// `thin`: the backstore keeps holes, so that UNMAP, WRITE SAME with UNMAP and GET LBA STATUS are there.
const OpcodeTable& opcodes(bool thin);

}  // namespace scsi::disk
