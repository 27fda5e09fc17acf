// The NVRAM image of a port: names and defaults from which drivers build the initialisation block.
#pragma once

#include "drivers/qla/wire.h"
#include "emu/qla/flash.h"

namespace emu::qla {

::qla::wire::Nvram make_nvram(const Chip& chip, const Factory& factory);

// Names in wire order.
::qla::wire::Bytes8 to_bytes(hal::fc::Wwn name);
hal::fc::Wwn to_wwn(const ::qla::wire::Bytes8& bytes);

}  // namespace emu::qla
