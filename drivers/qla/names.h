// World wide names, as the adapter has them in entries and flash.
#pragma once

#include <bit>

#include "drivers/qla/wire.h"
#include "hal/port/fc_port.h"

namespace qla {

inline hal::fc::Wwn wwn_of(const wire::Bytes8& bytes) { return {std::bit_cast<base::be64>(bytes)}; }
inline wire::Bytes8 bytes_of(hal::fc::Wwn name) { return std::bit_cast<wire::Bytes8>(base::be64{name.raw}); }

}  // namespace qla
