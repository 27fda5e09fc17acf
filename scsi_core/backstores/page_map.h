// Which pages of a RAM disk exist: one bit per 4 KiB page, changed by all reactors at once without locks.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

namespace scsi {

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageSize = std::uint64_t{1} << kPageShift;

// A view of bits that live elsewhere (in sparse memory). Page numbers are checked by the caller.
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
  // Sets [first, end) as far as `charge(pages)` agrees to pay for what was clear; `refund(pages)` takes back what
  // another reactor paid in the same moment. Returns the end of what is set now.
  template <class Charge, class Refund>
  std::uint64_t set(std::uint64_t first, std::uint64_t end, Charge&& charge, Refund&& refund) {
    while (first < end) {
      const std::uint64_t next = std::min(end, (first | (kPerWord - 1)) + 1);
      const std::uint64_t mask = mask_of(next - first) << (first % kPerWord);
      Word& word = words_[first / kPerWord];
      if (const std::uint64_t want = mask & ~word.load(std::memory_order_relaxed); want != 0) {
        const auto asked = static_cast<std::uint64_t>(std::popcount(want));
        if (!charge(asked)) return first;
        const std::uint64_t before = word.fetch_or(want, std::memory_order_acq_rel);
        if (const auto late = static_cast<std::uint64_t>(std::popcount(want & before)); late != 0) refund(late);
      }
      first = next;
    }
    return end;
  }
  // Clears [first, end); returns how many were set.
  std::uint64_t clear(std::uint64_t first, std::uint64_t end);

 private:
  static constexpr std::uint64_t mask_of(std::uint64_t count) {
    return count >= kPerWord ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  }
  Word* words_;
};

}  // namespace scsi
