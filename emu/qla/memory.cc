// Walking scatter lists.
#include "emu/qla/memory.h"

#include <algorithm>
#include <bit>

namespace emu::qla {

void Segments::clear() {
  list_.clear();
  total_ = at_offset_ = 0;
  at_ = 0;
}

void Segments::add(std::uint64_t address, std::uint32_t length) {
  list_.push_back({address, length});
  total_ += length;
}

std::uint64_t Segments::total_of_first(std::size_t segments) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < std::min(segments, list_.size()); ++i) sum += list_[i].length;
  return sum;
}

bool Segments::gather(std::span<const wire::Entry> entries, std::span<const wire::DataSegment> first, unsigned count) {
  clear();
  for (const wire::DataSegment& segment : first) {
    if (count == 0) return true;
    add(segment.address, segment.length);
    --count;
  }
  for (const wire::Entry& entry : entries.subspan(1)) {
    if (count == 0) return true;
    if (entry.head.type == static_cast<std::uint8_t>(wire::EntryType::kContinuation64)) {
      const auto more = std::bit_cast<wire::Continuation64>(entry);
      for (const auto& segment : more.segments)
        if (count > 0) add(segment.address, segment.length), --count;
    } else if (entry.head.type == static_cast<std::uint8_t>(wire::EntryType::kContinuation32)) {
      const auto more = std::bit_cast<wire::Continuation32>(entry);
      for (const auto& segment : more.segments)
        if (count > 0) add(segment.address, segment.length), --count;
    } else {
      return false;
    }
  }
  return count == 0;
}

template <class Move>
bool Segments::walk(std::uint64_t offset, std::size_t size, Move&& move) {
  if (offset > total_ || size > total_ - offset) return false;
  if (offset < at_offset_) at_ = 0, at_offset_ = 0;
  std::size_t done = 0;
  while (done < size) {
    const Segment& segment = list_[at_];
    const std::uint64_t within = offset + done - at_offset_;
    if (within >= segment.length) {
      at_offset_ += segment.length;
      ++at_;
      continue;
    }
    const std::size_t part = std::min<std::size_t>(size - done, segment.length - within);
    if (!move(hal::Iova{segment.address + within}, done, part)) return false;
    done += part;
  }
  return true;
}

bool Segments::read(ModelHost& host, std::uint64_t offset, std::span<std::byte> to) {
  return walk(offset, to.size(), [&](hal::Iova from, std::size_t at, std::size_t size) {
    return host.dma_read(from, to.subspan(at, size)).has_value();
  });
}

bool Segments::write(ModelHost& host, std::uint64_t offset, std::span<const std::byte> from) {
  return walk(offset, from.size(), [&](hal::Iova to, std::size_t at, std::size_t size) {
    return host.dma_write(to, from.subspan(at, size)).has_value();
  });
}

void swap_words(std::span<std::uint8_t> to, std::span<const std::uint8_t> from) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    const std::size_t source = i ^ 3;
    to[i] = source < from.size() ? from[source] : std::uint8_t{0};
  }
}

}  // namespace emu::qla
