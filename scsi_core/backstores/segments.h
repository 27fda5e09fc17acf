// Copying between a medium's memory and the segments of a request.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "hal/dma.h"

namespace scsi {

// Walks the bytes of a segment list from `skip` on; calls fn(span) for each contiguous part of the next `length` bytes.
template <class Fn>
void for_each_part(std::span<const hal::DmaSpan> segments, std::uint64_t skip, std::uint64_t length, Fn&& fn) {
  for (const hal::DmaSpan& segment : segments) {
    if (length == 0) return;
    if (skip >= segment.bytes.size()) {
      skip -= segment.bytes.size();
      continue;
    }
    const std::size_t part = std::min<std::uint64_t>(segment.bytes.size() - skip, length);
    fn(segment.bytes.subspan(skip, part));
    skip = 0;
    length -= part;
  }
}

inline void copy_to_segments(std::span<const hal::DmaSpan> segments, std::uint64_t skip, const std::byte* from,
                             std::uint64_t length) {
  for_each_part(segments, skip, length, [&](std::span<std::byte> part) {
    std::memcpy(part.data(), from, part.size());
    from += part.size();
  });
}

inline void copy_from_segments(std::span<const hal::DmaSpan> segments, std::uint64_t skip, std::byte* to,
                               std::uint64_t length) {
  for_each_part(segments, skip, length, [&](std::span<std::byte> part) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  });
}

inline void zero_segments(std::span<const hal::DmaSpan> segments, std::uint64_t skip, std::uint64_t length) {
  for_each_part(segments, skip, length, [](std::span<std::byte> part) { std::memset(part.data(), 0, part.size()); });
}

}  // namespace scsi
