// Runs of bits.
#include "scsi_core/backstores/page_map.h"

namespace scsi {

std::uint64_t PageMap::run_end(std::uint64_t page, std::uint64_t end, bool set) const {
  while (page < end) {
    const std::uint64_t word = words_[page / kPerWord].load(std::memory_order_acquire);
    const std::uint64_t differs = (set ? ~word : word) >> (page % kPerWord);
    if (differs != 0) return std::min(end, page + static_cast<std::uint64_t>(std::countr_zero(differs)));
    page = (page | (kPerWord - 1)) + 1;
  }
  return end;
}

std::uint64_t PageMap::clear(std::uint64_t first, std::uint64_t end) {
  std::uint64_t cleared = 0;
  while (first < end) {
    const std::uint64_t next = std::min(end, (first | (kPerWord - 1)) + 1);
    const std::uint64_t mask = mask_of(next - first) << (first % kPerWord);
    Word& word = words_[first / kPerWord];
    if ((word.load(std::memory_order_relaxed) & mask) != 0) {
      cleared += static_cast<std::uint64_t>(std::popcount(word.fetch_and(~mask, std::memory_order_acq_rel) & mask));
    }
    first = next;
  }
  return cleared;
}

}  // namespace scsi
