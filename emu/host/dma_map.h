// What a modelled device may reach by DMA: an ordered map of address ranges, as an IOMMU's page tables. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "base/result.h"
#include "hal/dma.h"

namespace emu {

struct DmaRange {
  std::uint64_t size = 0;
  std::byte* memory = nullptr;  // null: only its owner's messages reach it
  bool readable = true, writable = true;
};

class DmaMap {
 public:
  static constexpr std::size_t kMost = 65535;  // ranges
  DmaMap() = default;
  DmaMap(const DmaMap&) = delete;
  DmaMap& operator=(const DmaMap&) = delete;

  base::Result<void> add(hal::Iova at, const DmaRange& range);  // kExists: overlaps another; kInvalid: wraps or empty
  // Removes every range that lies wholly in [at, at + size) and calls gone(at, range) for each; returns how many.
  template <class Gone>
  std::size_t remove(hal::Iova at, std::uint64_t size, Gone&& gone);
  std::size_t size() const { return ranges_.size(); }

  // Calls piece(address, memory or null, offset, size) for the parts of [at, at + size) in order. Fails before the
  // first call when a byte of it is not mapped or not permitted.
  template <class Piece>
  base::Result<void> walk(hal::Iova at, std::size_t size, bool write, Piece&& piece);

 private:
  using Ranges = std::map<std::uint64_t, DmaRange>;
  Ranges::iterator find(std::uint64_t address);
  base::Result<void> permitted(Ranges::iterator range, std::uint64_t at, std::size_t size, bool write) const;

  Ranges ranges_;
  Ranges::iterator last_ = ranges_.end();  // most accesses hit the range of the one before
};

template <class Gone>
std::size_t DmaMap::remove(hal::Iova at, std::uint64_t size, Gone&& gone) {
  std::size_t removed = 0;
  auto range = ranges_.lower_bound(at.raw);
  while (range != ranges_.end() && range->first - at.raw < size &&
         range->second.size <= size - (range->first - at.raw)) {
    const auto [address, was] = *range;
    range = ranges_.erase(range);
    gone(hal::Iova{address}, was);
    ++removed;
  }
  last_ = ranges_.end();
  return removed;
}

template <class Piece>
base::Result<void> DmaMap::walk(hal::Iova at, std::size_t size, bool write, Piece&& piece) {
  auto range = find(at.raw);
  TRY(permitted(range, at.raw, size, write));
  for (std::size_t offset = 0; offset < size; ++range) {
    const std::uint64_t into = at.raw + offset - range->first;
    const std::size_t part = std::min<std::uint64_t>(size - offset, range->second.size - into);
    std::byte* const memory = range->second.memory;
    TRY(piece(hal::Iova{at.raw + offset}, memory != nullptr ? memory + into : nullptr, offset, part));
    offset += part;
  }
  return {};
}

}  // namespace emu
