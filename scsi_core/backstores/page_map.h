// Which pages of a RAM disk exist: one bit per 4 KiB page, looked at and changed by all reactors at once.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

namespace scsi {

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageShift;

// A view of bits that live elsewhere (in sparse memory). Page numbers are checked by the caller; ranges are not
// empty.
class PageMap {
 public:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::uint64_t kPerWord = 64;
  explicit PageMap(Word* words) : words_(words) {}

  // Whether all of [first, end) exist, for ranges inside one word: the case that must be quick. False when it cannot
  // tell.
  bool all_set_quick(std::uint64_t first, std::uint64_t end) const {
    const std::uint64_t shift = first % kPerWord;
    const std::uint64_t count = end - first;
    if (shift + count > kPerWord) return false;
    const std::uint64_t mask = mask_of(count) << shift;
    return (words_[first / kPerWord].load(std::memory_order_acquire) & mask) == mask;
  }
  bool test(std::uint64_t page) const {
    return ((words_[page / kPerWord].load(std::memory_order_acquire) >> (page % kPerWord)) & 1) != 0;
  }
  // The first page after `page`, at most `end`, whose state is not `set`.
  std::uint64_t run_end(std::uint64_t page, std::uint64_t end, bool set) const;
  // Of [first, end), which lies in one word, the pages that do not exist, as a mask of that word.
  std::uint64_t missing(std::uint64_t first, std::uint64_t end) const {
    const std::uint64_t mask = mask_of(end - first) << (first % kPerWord);
    return mask & ~words_[first / kPerWord].load(std::memory_order_acquire);
  }
  void set(std::uint64_t word, std::uint64_t mask) { words_[word].fetch_or(mask, std::memory_order_acq_rel); }
  // Clears [first, end); returns how many were set.
  std::uint64_t clear(std::uint64_t first, std::uint64_t end);

 private:
  static constexpr std::uint64_t mask_of(std::uint64_t count) {  // 1 to 64 ones
    return ~std::uint64_t{0} >> (kPerWord - count);
  }
  Word* words_;
};

}  // namespace scsi
