// Counts of durations in buckets that grow with them: eight for each power of two, so that none is wider than an eighth
// of what it counts. One writer, who pays a few instructions; whoever else wants them gets a copy by message.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"

namespace base {

// What is handed around: one count for each bucket, without the zeros at the end.
using HistogramCounts = std::vector<std::uint64_t>;

class Histogram {
 public:
  static constexpr unsigned kUnit = 10;                                 // log2 of the first buckets' nanoseconds
  static constexpr unsigned kFine = 3;                                  // log2 of the buckets in a power of two
  static constexpr std::uint64_t kMost = (std::uint64_t{1} << 26) - 1;  // units; longer is counted like this: 68 s
  static constexpr std::size_t kBuckets = ((26 - 1 - kFine) << kFine) + (2 << kFine);

  static std::size_t bucket(Duration duration) {
    const std::uint64_t units = std::min(static_cast<std::uint64_t>(duration.count()) >> kUnit, kMost);
    const auto shift = static_cast<unsigned>(std::bit_width(units | (1 << kFine))) - 1 - kFine;
    return (std::size_t{shift} << kFine) + (units >> shift);
  }
  // The least duration that is counted in a bucket; the next one's is where it ends.
  static Duration begin(std::size_t bucket);

  void add(std::size_t bucket) { ++counts_[bucket]; }
  // What was counted in the first bucket for want of a better number belongs elsewhere.
  void move_first(std::size_t bucket);
  void add_to(HistogramCounts& counts) const;

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
};

std::uint64_t total(std::span<const std::uint64_t> counts);
void add(HistogramCounts& to, std::span<const std::uint64_t> counts);
// The duration that a share of all (0 to 1) does not exceed, as if each bucket's were spread evenly over it. 0: none.
Duration quantile(std::span<const std::uint64_t> counts, double share);

}  // namespace base
