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

void add_flags(wire::CtioHead& ctio, std::uint16_t mode, bool confirm) {
  const std::uint32_t extra = confirm ? Flags::Confirm::kMask | Flags::ExplicitConfirm::kMask : 0;
  ctio.flags = static_cast<std::uint16_t>(ctio.flags | Flags::SendStatus::kMask | Flags::Mode::of(mode) | extra);
}

}  // namespace

std::uint16_t status_word(std::uint8_t status, std::uint8_t residual_flags) {
  const bool over = (residual_flags & ExchangeResponse::kOver) != 0;
  const bool under = (residual_flags & ExchangeResponse::kUnder) != 0;
  return static_cast<std::uint16_t>(status | (over ? wire::kStatusOver : 0) | (under ? wire::kStatusUnder : 0));
}

void fill_response(wire::CtioHead& head, const ExchangeResponse& response, bool confirm) {
  auto& ctio = static_cast<wire::Ctio7Mode1&>(head);
  std::uint16_t word = status_word(response.status, response.residual_flags);
  if (response.has_code) [[unlikely]] {
    word |= wire::kStatusResponseValid;
    ctio.response_length = kResponseInfo;
    ctio.data[3 ^ 3] = response.code;
  }
  if (!response.sense.empty()) [[unlikely]] {
    word |= wire::kStatusSenseValid;
    ctio.sense_length = static_cast<std::uint16_t>(response.sense.size());
    copy_swapped(ctio.data, response.has_code ? kResponseInfo : 0, response.sense);
  }
  ctio.residual = response.residual;
  ctio.scsi_status = word;
  add_flags(ctio, 1, confirm);
}

void fill_long_response(wire::Ctio7Mode0& ctio, const ExchangeResponse& response, hal::DmaSpan iu, bool confirm) {
  const auto size = static_cast<std::uint32_t>(write_iu(iu, response, confirm));
  ctio.residual = response.residual;
  ctio.segment_count = 1;
  ctio.transfer_length = size;
  ctio.segment = {iu.iova.raw, size};
  add_flags(ctio, 2, confirm);
}

void fill_terminate(wire::CtioHead& ctio) {
  ctio.flags = static_cast<std::uint16_t>(ctio.flags | Flags::Mode::of(1) | Flags::Terminate::kMask);
}

}  // namespace qla
