// Responses as CTIOs: short ones in the entry, long ones as an FCP_RSP IU (FCP-4 9.5) in memory.
#include "drivers/qla/ctio.h"

#include <algorithm>
#include <cstring>

#include "base/cursor.h"
#include "drivers/qla/memory.h"

namespace qla {
namespace {

using hal::fc::ExchangeResponse;
using Flags = wire::CtioFlags;

constexpr std::uint32_t kResponseInfo = 8;
constexpr std::uint8_t kIuResponseValid = 0x01, kIuSenseValid = 0x02, kIuConfirm = 0x10;

// The chip wants the bytes of each dword reversed.
void copy_swapped(wire::Bytes<kInlineSense>& to, std::uint32_t at, std::span<const std::byte> from) {
  for (std::size_t i = 0; i < from.size(); ++i) to[(at + i) ^ 3] = static_cast<std::uint8_t>(from[i]);
}

std::size_t write_iu(hal::DmaSpan iu, const ExchangeResponse& response, bool confirm) {
  base::Writer out(iu.bytes);
  const std::size_t sense = std::min(response.sense.size(), kResponseIuBytes - 24 - kResponseInfo);
  out.fill(10);
  out.put(static_cast<std::uint8_t>(response.residual_flags | (response.has_code ? kIuResponseValid : 0) |
                                    (sense != 0 ? kIuSenseValid : 0) | (confirm ? kIuConfirm : 0)));
  out.put(response.status);
  out.put(base::be32(response.residual));
  out.put(base::be32(static_cast<std::uint32_t>(sense)));
  out.put(base::be32(response.has_code ? kResponseInfo : 0));
  if (response.has_code) {
    out.fill(3);
    out.put(response.code);
    out.fill(4);
  }
  out.bytes(response.sense.first(sense));
  return out.written();
}

void fill_short(wire::Ctio7Mode1& ctio, const ExchangeResponse& response) {
  std::uint32_t at = 0;
  if (response.has_code) {
    ctio.response_length = kResponseInfo;
    ctio.data[3 ^ 3] = response.code;
    at = kResponseInfo;
  }
  ctio.sense_length = static_cast<std::uint16_t>(response.sense.size());
  copy_swapped(ctio.data, at, response.sense);
}

}  // namespace

void address_ctio(wire::CtioHead& ctio, const wire::Atio7& atio, std::uint16_t nport) {
  ctio.head.type = static_cast<std::uint8_t>(wire::EntryType::kCtio7);
  ctio.head.count = 1;
  ctio.head.handle = Handle::make(HandleKind::kStray, 0, 0).raw;
  ctio.nport = nport;
  ctio.timeout = kCtioSeconds;
  ctio.initiator = std::uint32_t{atio.header.s_id};
  ctio.exchange = std::uint32_t{atio.exchange};
  ctio.flags = Flags::Attribute::of(wire::Atio7::Attribute::get(atio.attribute_length));
  ctio.ox_id = std::uint16_t{atio.header.ox_id};
}

std::uint16_t status_word(std::uint8_t status, std::uint8_t residual_flags) {
  const bool over = (residual_flags & ExchangeResponse::kOver) != 0;
  const bool under = (residual_flags & ExchangeResponse::kUnder) != 0;
  return static_cast<std::uint16_t>(status | (over ? wire::kStatusOver : 0) | (under ? wire::kStatusUnder : 0));
}

void fill_response(wire::Entry& entry, const Slot& slot, const ExchangeResponse& response, hal::DmaSpan iu,
                   bool confirm) {
  const std::size_t length = response.sense.size() + (response.has_code ? kResponseInfo : 0);
  auto& head = *reinterpret_cast<wire::CtioHead*>(&entry);
  std::uint16_t flags = static_cast<std::uint16_t>(slot.attribute_flags | Flags::SendStatus::of(true));
  if (confirm) flags = static_cast<std::uint16_t>(flags | Flags::Confirm::of(true) | Flags::ExplicitConfirm::of(true));
  head.residual = response.residual;
  if (length <= kInlineSense) {
    auto word = status_word(response.status, response.residual_flags);
    if (response.has_code) word |= wire::kStatusResponseValid;
    if (!response.sense.empty()) word |= wire::kStatusSenseValid;
    head.scsi_status = word;
    head.flags = static_cast<std::uint16_t>(flags | Flags::Mode::of(1));
    fill_short(*reinterpret_cast<wire::Ctio7Mode1*>(&entry), response);
    return;
  }
  auto& ctio = *reinterpret_cast<wire::Ctio7Mode0*>(&entry);
  const auto size = static_cast<std::uint32_t>(write_iu(iu, response, confirm));
  ctio.flags = static_cast<std::uint16_t>(flags | Flags::Mode::of(2));
  ctio.segment_count = 1;
  ctio.transfer_length = size;
  ctio.segment = {iu.iova.raw, size};
}

void fill_terminate(wire::Entry& entry, const Slot& slot) {
  auto& head = *reinterpret_cast<wire::CtioHead*>(&entry);
  head.flags = static_cast<std::uint16_t>(slot.attribute_flags | Flags::Mode::of(1) | Flags::Terminate::of(true));
}

}  // namespace qla
