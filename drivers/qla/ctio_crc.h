// CTIOs of type CRC 2: transfers with T10 protection information, which the firmware makes, checks and removes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "drivers/qla/wire.h"
#include "hal/dma.h"
#include "hal/port/fc_port.h"

namespace qla {

// A context and its two lists of segments lie where a long response would: no response is out beside a transfer. What
// does not fit there is not for this adapter.
constexpr std::size_t kProtectedSegments = 16, kInformationSegments = 3;
constexpr std::size_t kContextBytes =
    sizeof(wire::CrcContext) + (kProtectedSegments + 1 + kInformationSegments + 1) * sizeof(wire::DataSegment);

// Makes an addressed CTIO one of this transfer. `memory`: kContextBytes that stay in place until its answer.
void fill_protected(wire::CtioCrc2& ctio, const hal::fc::ExchangeData& data, bool to_initiator, hal::DmaSpan memory);

}  // namespace qla
