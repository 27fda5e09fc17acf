// RAM disk: requests with buffers of their own, UNMAP and WRITE ZEROES.
#include "scsi_core/backstores/ram_channel.h"

#include <array>

#include "scsi_core/backstores/segments.h"

namespace scsi {
namespace {

constexpr std::uint64_t kTrimBytes = std::uint64_t{8} << 20;  // per turn, about
constexpr int kTrimCalls = 32;

}  // namespace

void RamChannel::submit(StoreRequest& request) {
  const std::uint64_t size = store_.size();
  if (request.offset > size || request.length > size - request.offset) {  // it was cut in the meantime
    return answers_.add(request, StoreStatus::kGone, std::max(request.offset, size));
  }
  request.status = StoreStatus::kGood;
  request.progress = 0;
  switch (request.op) {
    case StoreOp::kRead:
      read(request);
      break;
    case StoreOp::kWrite:
      write(request);
      break;
    case StoreOp::kFlush:
      break;
    case StoreOp::kUnmap:
    case StoreOp::kWriteZeroes:
      trims_.push_back(request);
      if (!hal::Deferred::linked()) reactor_.defer(*this);
      return;
  }
  answers_.add(request);
}

void RamChannel::read(StoreRequest& request) {
  while (request.progress < request.length) {
    std::array<hal::DmaSpan, 8> spans;
    std::uint32_t count = 0;
    store_.lend_for_read(request.offset + request.progress, request.length - request.progress, spans, count);
    if (count == 0) {
      request.status = StoreStatus::kGone;
      request.bad_offset = request.offset + request.progress;
      return;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      copy_to_segments(request.segments, request.progress, spans[i].bytes.data(), spans[i].bytes.size());
      request.progress += spans[i].bytes.size();
    }
  }
}

void RamChannel::write(StoreRequest& request) {
  if (request.length == 0) return;
  hal::DmaSpan span;
  std::uint32_t count = 0;
  const std::uint64_t covered =
      store_.lend_for_write(request.offset, request.length, std::span(&span, 1), count, request.status);
  if (covered < request.length) {  // nothing is written unless there is room for all of it
    if (request.status == StoreStatus::kGood) request.status = StoreStatus::kNoSpace;
    request.bad_offset = request.offset + covered;
    return;
  }
  copy_from_segments(request.segments, 0, span.bytes.data(), request.length);
}

void RamChannel::trim_turn(hal::Deferred& deferred) {
  auto& self = static_cast<RamChannel&>(deferred);
  StoreRequest& request = self.trims_.front();
  std::uint64_t done = 0;
  const std::uint64_t size = self.store_.size();  // a cut has trimmed what lies behind it
  const std::uint64_t length = std::min(request.length, size - std::min(size, request.offset));
  for (int calls = 0; calls < kTrimCalls && done < kTrimBytes && request.progress < length; ++calls) {
    const std::uint64_t part = self.store_.trim(request.offset + request.progress, length - request.progress);
    request.progress += part;
    done += part;
  }
  if (request.progress >= length) {
    request.unlink();
    self.answers_.add(request);
  }
  if (!self.trims_.empty()) self.reactor_.defer(self);
}

}  // namespace scsi
