// The PDU framer. Every length is checked against what was negotiated before anything is taken.
#include "drivers/soft/tcp/receiver.h"

#include <algorithm>
#include <cstring>

#include "drivers/soft/tcp/crc32c.h"

namespace soft::tcp {

using hal::iscsi::BasicHeader;
using hal::iscsi::kDigestSize;
using hal::iscsi::kHeaderSize;

namespace {
const BasicHeader& as_header(const std::byte* bytes) { return *reinterpret_cast<const BasicHeader*>(bytes); }
}  // namespace

std::size_t Receiver::header_length(const std::byte* header) const {
  return kHeaderSize + std::size_t{as_header(header).total_ahs_length} * 4 + (header_digest_ ? kDigestSize : 0);
}

// The common case: no digests, no additional header segments, the whole PDU lies in front of us.
std::size_t Receiver::take_plain(std::span<const std::byte> bytes) {
  std::size_t used = 0;
  while (bytes.size() - used >= kHeaderSize && !stopped_) {
    const std::byte* const at = bytes.data() + used;
    const BasicHeader& basic = as_header(at);
    const std::uint32_t size = basic.data_segment_length;
    const std::size_t whole = kHeaderSize + ((size + std::size_t{3}) & ~std::size_t{3});
    if (basic.total_ahs_length != 0 || size > max_data_segment_ || bytes.size() - used < whole) break;
    used += whole;
    sink_.pdu_received({.header = basic, .ahs = {}, .data = {at + kHeaderSize, size}});
    if (header_digest_ || data_digest_) break;  // negotiated by the PDU just handed on
  }
  return used;
}

void Receiver::consume(std::span<const std::byte> bytes) {
  if (state_ == State::kHeader && header_have_ == 0 && !header_digest_ && !data_digest_ && !broken_) {
    bytes = bytes.subspan(take_plain(bytes));
  }
  while (!bytes.empty() && !broken_) {
    if (stopped_) {
      backlog_.insert(backlog_.end(), bytes.begin(), bytes.end());
      return;
    }
    std::size_t used = 0;
    switch (state_) {
      case State::kHeader:
        used = take_header(bytes);
        break;
      case State::kBody:
        used = take_body(bytes);
        break;
      case State::kPayload:
        used = take_payload(bytes);
        break;
      case State::kSkip:
        used = std::min<std::size_t>(left_, bytes.size());
        left_ -= static_cast<std::uint32_t>(used);
        if (left_ == 0) state_ = State::kHeader;
        break;
    }
    bytes = bytes.subspan(used);
  }
}

void Receiver::resume() {
  stopped_ = false;
  std::vector<std::byte> waiting;
  waiting.swap(backlog_);
  consume(waiting);
}

std::size_t Receiver::take_header(std::span<const std::byte> bytes) {
  if (header_have_ == 0 && bytes.size() >= kHeaderSize) {
    const std::size_t length = header_length(bytes.data());
    if (bytes.size() >= length) {
      if (!header_good(bytes.data(), length)) return bytes.size();
      return length + start_pdu(bytes.data(), bytes.subspan(length));
    }
  }
  // In pieces: first the 48 bytes, then, once they tell the length, the rest.
  if (header_have_ < kHeaderSize) {
    const std::size_t part = std::min(kHeaderSize - header_have_, bytes.size());
    std::memcpy(start_.data() + header_have_, bytes.data(), part);
    header_have_ += static_cast<std::uint32_t>(part);
    if (header_have_ == kHeaderSize && header_length(start_.data()) == kHeaderSize) {
      header_have_ = 0;
      start_pdu(start_.data(), {});
    }
    return part;
  }
  const std::size_t length = header_length(start_.data());
  if (header_have_ == kHeaderSize) long_header_.assign(start_.begin(), start_.end());
  const std::size_t part = std::min(length - header_have_, bytes.size());
  long_header_.insert(long_header_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
  header_have_ += static_cast<std::uint32_t>(part);
  if (header_have_ == length) {
    header_have_ = 0;
    if (header_good(long_header_.data(), length)) start_pdu(long_header_.data(), {});
  }
  return part;
}

bool Receiver::header_good(const std::byte* header, std::size_t size) {
  if (!header_digest_) return true;
  Crc32c crc;
  crc.add({header, size - kDigestSize});
  const base::le32 digest = crc.digest();
  if (std::memcmp(&digest, header + size - kDigestSize, sizeof digest) == 0) return true;
  broken_ = true;
  sink_.stream_broken(hal::CloseReason::kHeaderDigest, as_header(header));
  return false;
}

// `header` is complete and good; `rest` is what came behind it. Returns how much of `rest` was used.
std::size_t Receiver::start_pdu(const std::byte* header, std::span<const std::byte> rest) {
  const BasicHeader& basic = as_header(header);
  data_size_ = basic.data_segment_length;
  if (data_size_ > max_data_segment_) {
    broken_ = true;
    sink_.stream_broken(hal::CloseReason::kProtocolError, basic);
    return rest.size();
  }
  left_ = data_size_ + hal::iscsi::padding(data_size_);
  if (data_digest_ && data_size_ != 0) left_ += static_cast<std::uint32_t>(kDigestSize);
  if (rest.size() >= left_) {
    const std::uint32_t used = left_;
    deliver(header, rest.first(used));
    return used;
  }
  const bool data_out = hal::iscsi::OpcodeBits::get(basic.opcode) == hal::iscsi::Opcode::kDataOut;
  if (data_out && !data_digest_ && basic.total_ahs_length == 0 &&
      sink_.payload_begins(*reinterpret_cast<const hal::iscsi::DataOut*>(header))) {
    state_ = State::kPayload;
    left_ = data_size_;
    return 0;
  }
  const std::size_t length = kHeaderSize + std::size_t{basic.total_ahs_length} * 4;
  if (long_header_.data() != header) long_header_.assign(header, header + length);
  body_ = Buffer(memory_, left_);
  body_have_ = 0;
  state_ = State::kBody;
  return 0;
}

std::size_t Receiver::take_body(std::span<const std::byte> bytes) {
  const std::size_t part = std::min<std::size_t>(left_, bytes.size());
  std::memcpy(body_.bytes().data() + body_have_, bytes.data(), part);
  body_have_ += static_cast<std::uint32_t>(part);
  left_ -= static_cast<std::uint32_t>(part);
  if (left_ == 0) {
    state_ = State::kHeader;
    deliver(long_header_.data(), body_.bytes().first(body_have_));
    body_.reset();
  }
  return part;
}

std::size_t Receiver::take_payload(std::span<const std::byte> bytes) {
  const std::uint32_t here = static_cast<std::uint32_t>(std::min<std::size_t>(left_, bytes.size()));
  const std::span<std::byte> place = sink_.payload_place(here);
  const std::uint32_t part = place.empty() ? here : static_cast<std::uint32_t>(place.size());
  if (!place.empty()) std::memcpy(place.data(), bytes.data(), part);
  payload_done(part);
  return part;
}

void Receiver::payload_done(std::uint32_t size) {
  sink_.payload_arrived(size);
  left_ -= size;
  if (left_ != 0) return;
  left_ = hal::iscsi::padding(data_size_);
  state_ = left_ != 0 ? State::kSkip : State::kHeader;
  sink_.payload_ended();
}

std::optional<std::uint32_t> Receiver::to_next_pdu() const {
  if (!backlog_.empty() || broken_ || (state_ == State::kHeader && header_have_ != 0)) return std::nullopt;
  if (state_ == State::kHeader) return 0;
  return left_ + (state_ == State::kPayload ? hal::iscsi::padding(data_size_) : 0);
}

std::span<std::byte> Receiver::direct_place() {
  if (state_ == State::kPayload && !stopped_) return sink_.payload_place(left_);
  if (state_ == State::kBody && !stopped_) return body_.bytes().subspan(body_have_, left_);
  return {};
}

void Receiver::direct_arrived(std::size_t size) {
  if (state_ == State::kPayload) {
    payload_done(static_cast<std::uint32_t>(size));
    return;
  }
  body_have_ += static_cast<std::uint32_t>(size);
  left_ -= static_cast<std::uint32_t>(size);
  if (left_ == 0) {
    state_ = State::kHeader;
    deliver(long_header_.data(), body_.bytes().first(body_have_));
    body_.reset();
  }
}

void Receiver::deliver(const std::byte* header, std::span<const std::byte> data_and_trailer) {
  bool damaged = false;
  if (data_digest_ && data_size_ != 0) {
    const std::size_t covered = data_and_trailer.size() - kDigestSize;
    Crc32c crc;
    crc.add(data_and_trailer.first(covered));
    const base::le32 digest = crc.digest();
    damaged = std::memcmp(&digest, data_and_trailer.data() + covered, sizeof digest) != 0;
  }
  const BasicHeader& basic = as_header(header);
  sink_.pdu_received({.header = basic,
                      .ahs = {header + kHeaderSize, std::size_t{basic.total_ahs_length} * 4},
                      .data = data_and_trailer.first(data_size_),
                      .data_digest_error = damaged});
}

}  // namespace soft::tcp
