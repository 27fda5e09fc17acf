// DMA map: adding ranges without overlap, and finding the one that holds an address.
#include "emu/host/dma_map.h"

#include <fmt/format.h>

namespace emu {

base::Result<void> DmaMap::add(hal::Iova at, const DmaRange& range) {
  if (range.size == 0 || at.raw + (range.size - 1) < at.raw) {
    return base::fail(base::Errc::kInvalid, fmt::format("DMA range {:#x}+{:#x} is empty or wraps", at.raw, range.size));
  }
  if (ranges_.size() >= kMost) return base::fail(base::Errc::kNoSpace, "too many DMA ranges");
  const auto after = ranges_.lower_bound(at.raw);
  bool overlap = after != ranges_.end() && after->first - at.raw < range.size;
  if (after != ranges_.begin()) {
    const auto before = std::prev(after);
    overlap |= at.raw - before->first < before->second.size;
  }
  if (overlap) {
    return base::fail(base::Errc::kExists, fmt::format("DMA range {:#x}+{:#x} overlaps another", at.raw, range.size));
  }
  ranges_.emplace_hint(after, at.raw, range);
  return {};
}

DmaMap::Ranges::iterator DmaMap::find(std::uint64_t address) {
  if (last_ != ranges_.end() && address >= last_->first && address - last_->first < last_->second.size) return last_;
  auto range = ranges_.upper_bound(address);
  if (range == ranges_.begin()) return ranges_.end();
  --range;
  if (address - range->first >= range->second.size) return ranges_.end();
  return last_ = range;
}

base::Result<void> DmaMap::permitted(Ranges::iterator range, std::uint64_t at, std::size_t size, bool write) const {
  for (std::size_t offset = 0; offset < size; ++range) {
    if (range == ranges_.end() || at + offset < range->first || at + offset - range->first >= range->second.size) {
      return base::fail(base::Errc::kInvalid, fmt::format("nothing is mapped at {:#x}", at + offset));
    }
    if (write ? !range->second.writable : !range->second.readable) {
      return base::fail(base::Errc::kDenied, fmt::format("{:#x} is mapped without permission", at + offset));
    }
    offset += static_cast<std::size_t>(
        std::min<std::uint64_t>(size - offset, range->second.size - (at + offset - range->first)));
  }
  return {};
}

}  // namespace emu
