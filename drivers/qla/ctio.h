// CTIOs: how data, responses and ends of exchanges are said to the firmware.
#pragma once

#include <cstdint>

#include "drivers/qla/wire.h"
#include "hal/dma.h"
#include "hal/port/fc_port.h"

namespace qla {

constexpr std::uint16_t kCtioSeconds = 10;  // the firmware's limit for what a CTIO asks of the initiator
// Of one CTIO; more go into another. Its entries: the first holds one, each continuation five.
constexpr std::uint32_t kCtioSegments = 16, kCtioEntries = 4;
constexpr std::uint32_t kResponseInfo = 8;  // bytes of FCP_RSP_INFO
constexpr std::uint32_t kInlineSense = 24;  // response info and sense data that go without a buffer of their own

// Says whose exchange it is, and nothing else.
inline void address_ctio(wire::CtioHead& ctio, const wire::Atio7& atio, std::uint16_t nport) {
  ctio.head.type = static_cast<std::uint8_t>(wire::EntryType::kCtio7);
  ctio.head.count = 1;
  ctio.nport = nport;
  ctio.timeout = kCtioSeconds;
  ctio.initiator = std::uint32_t{atio.header.s_id};
  ctio.exchange = std::uint32_t{atio.exchange};
  ctio.flags = wire::CtioFlags::Attribute::of(wire::Atio7::Attribute::get(atio.attribute_length));
  ctio.ox_id = std::uint16_t{atio.header.ox_id};
}

// The SCSI status word of a CTIO.
std::uint16_t status_word(std::uint8_t status, std::uint8_t residual_flags);

// Whether a response fits into its CTIO.
inline bool is_short(const hal::fc::ExchangeResponse& response) {
  return response.sense.size() + (response.has_code ? kResponseInfo : 0) <= kInlineSense;
}
// Makes an addressed CTIO one of a short response: mode 1.
void fill_response(wire::CtioHead& head, const hal::fc::ExchangeResponse& response, bool confirm);
// The same for a long one, whose FCP_RSP IU is put into `iu`: mode 2.
void fill_long_response(wire::Ctio7Mode0& ctio, const hal::fc::ExchangeResponse& response, hal::DmaSpan iu,
                        bool confirm);
void fill_terminate(wire::CtioHead& ctio);

}  // namespace qla
