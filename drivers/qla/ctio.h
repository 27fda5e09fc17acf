// CTIOs: how data, responses and ends of exchanges are said to the firmware.
#pragma once

#include <cstdint>

#include "drivers/qla/exchange.h"
#include "drivers/qla/handle.h"
#include "drivers/qla/wire.h"
#include "hal/dma.h"

namespace qla {

constexpr std::uint16_t kCtioSeconds = 10;  // the firmware's limit for what a CTIO asks of the initiator
// Of one CTIO; more go into another. Its entries: the first holds one, each continuation five.
constexpr std::uint32_t kCtioSegments = 16, kCtioEntries = 4;
constexpr std::uint32_t kInlineSense = 24;  // response info and sense data that go without a buffer of their own

// Whose exchange it is; the same in all CTIOs.
inline void address_ctio(wire::CtioHead& ctio, const Slot& slot, Handle handle) {
  ctio.head.type = static_cast<std::uint8_t>(wire::EntryType::kCtio7);
  ctio.head.count = 1;
  ctio.head.handle = handle.raw;
  ctio.nport = slot.nport;
  ctio.timeout = kCtioSeconds;
  ctio.initiator = slot.s_id;
  ctio.exchange = slot.address;
  ctio.ox_id = slot.ox_id;
}
void address_ctio(wire::CtioHead& ctio, const wire::Atio7& atio, std::uint16_t nport);

// The SCSI status word of a CTIO.
std::uint16_t status_word(std::uint8_t status, std::uint8_t residual_flags);

// Fills an addressed mode 1 CTIO, or a mode 2 one with the FCP_RSP IU in `iu`.
void fill_response(wire::Entry& entry, const Slot& slot, const hal::fc::ExchangeResponse& response, hal::DmaSpan iu,
                   bool confirm);
void fill_terminate(wire::Entry& entry, const Slot& slot);

}  // namespace qla
