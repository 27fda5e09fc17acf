// Framing what was read, walking what was sent.
#include "drivers/soft/tcp/tap.h"

#include <algorithm>
#include <cstring>

#include "drivers/soft/tcp/segments.h"

namespace soft::tcp {

using hal::CaptureEvent;
using hal::iscsi::BasicHeader;
using hal::iscsi::kDigestSize;
using hal::iscsi::kHeaderSize;

Tap::Tap(hal::CaptureRing& ring, const std::string& local, const std::string& peer, bool from_start, base::Time now)
    : ring_(ring),
      capture_(ring.number()),
      connection_(ring.next_connection()),
      wanted_(ring.filter().matches(local, peer)),
      in_(ring, connection_, CaptureEvent::kReceived),
      out_(ring, connection_, CaptureEvent::kSent) {
  if (!wanted_) return;
  const std::string body = local + " " + peer;
  const CaptureEvent event = from_start ? CaptureEvent::kOpened : CaptureEvent::kContinued;
  ring_.add({now, 0, connection_, static_cast<std::uint32_t>(body.size()), event}, std::as_bytes(std::span(body)));
}

void Tap::closed(base::Time now) { ring_.add({now, 0, connection_, 0, CaptureEvent::kClosed}, {}); }

void Tap::received(std::span<const std::byte> bytes, Digests digests, std::optional<std::uint32_t> to_next,
                   base::Time now) {
  if (!in_step_) {
    if (!to_next || *to_next > bytes.size()) return;
    bytes = bytes.subspan(*to_next);
    in_step_ = true;
  }
  while (!bytes.empty()) {
    if (!in_.inside()) {
      bytes = bytes.subspan(take_header(bytes, digests, now));
      continue;
    }
    const auto part = bytes.first(std::min<std::size_t>(in_.left(), bytes.size()));
    in_.add(part, now);
    bytes = bytes.subspan(part.size());
  }
  in_.cut(now);
}

// How many of `bytes` it took.
std::size_t Tap::take_header(std::span<const std::byte> bytes, Digests digests, base::Time now) {
  const std::size_t part = std::min(kHeaderSize - header_have_, bytes.size());
  std::memcpy(header_.data() + header_have_, bytes.data(), part);
  header_have_ += static_cast<std::uint32_t>(part);
  if (header_have_ < kHeaderSize) return part;
  header_have_ = 0;
  const auto& header = *reinterpret_cast<const BasicHeader*>(header_.data());
  const std::uint32_t data = header.data_segment_length;
  std::size_t size = kHeaderSize + std::size_t{header.total_ahs_length} * 4 + data + hal::iscsi::padding(data);
  if (digests.header) size += kDigestSize;
  if (digests.data && data != 0) size += kDigestSize;
  in_.begin(static_cast<std::uint32_t>(size));
  in_.add(header_, now);
  return part;
}

void Tap::sent(base::IntrusiveList<TxPdu>& queue, std::size_t size, base::Time now) {
  queue.for_each([&](TxPdu& pdu) {
    if (size == 0) return;
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(size, pdu.size() - pdu.sent));
    if (pdu.sent == 0) out_.begin(pdu.size());
    if (out_.inside()) part_sent(pdu, part, now);
    size -= part;
  });
  out_.cut(now);
}

// `size` bytes of it from pdu.sent on: of its header, its data and its trailer.
void Tap::part_sent(TxPdu& pdu, std::uint32_t size, base::Time now) {
  std::uint32_t at = pdu.sent;
  const auto take = [&](std::uint32_t length, auto&& add) {
    const std::uint32_t part = at < length ? std::min(size, length - at) : 0;
    if (part != 0) add(at, part);
    at = part != 0 ? 0 : at - std::min(at, length);
    size -= part;
  };
  take(pdu.header_size, [&](std::uint32_t from, std::uint32_t part) {
    out_.add(std::span<const std::byte>(pdu.header).subspan(from, part), now);
  });
  take(pdu.data_size, [&](std::uint32_t from, std::uint32_t part) {
    for_each_part(pdu.segments, pdu.data_offset + from, part, [&](std::span<const std::byte> b) { out_.add(b, now); });
  });
  take(pdu.trailer_size, [&](std::uint32_t from, std::uint32_t part) {
    out_.add(std::span<const std::byte>(pdu.trailer).subspan(from, part), now);
  });
}

}  // namespace soft::tcp
