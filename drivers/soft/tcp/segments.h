// Walking a part of a data buffer that lies in segments.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "hal/dma.h"

namespace soft::tcp {

// Calls fn(bytes) for the parts of `segments` that make up [offset, offset+size).
template <class Fn>
void for_each_part(std::span<const hal::DmaSpan> segments, std::uint64_t offset, std::uint64_t size, Fn&& fn) {
  if (segments.size() == 1 && offset == 0 && size == segments.data()->bytes.size()) [[likely]]
    return fn(segments.data()->bytes);
  for (const hal::DmaSpan& segment : segments) {
    if (size == 0) return;
    const std::uint64_t length = segment.bytes.size();
    if (offset >= length) {
      offset -= length;
      continue;
    }
    const std::uint64_t part = std::min(length - offset, size);
    fn(segment.bytes.subspan(offset, part));
    offset = 0;
    size -= part;
  }
  CHECK(size == 0);
}

}  // namespace soft::tcp
