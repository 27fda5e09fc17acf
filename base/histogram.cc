// Sums and quantiles of histograms.
#include "base/histogram.h"

#include <cmath>
#include <numeric>

namespace base {

Duration Histogram::begin(std::size_t bucket) {
  const std::size_t group = bucket >> kFine;  // the first two are of single units
  const std::uint64_t shift = group < 2 ? 0 : group - 1;
  return Duration(static_cast<std::int64_t>((bucket - (shift << kFine)) << shift << kUnit));
}

void Histogram::move_first(std::size_t bucket) {
  const std::uint64_t count = counts_[0];
  counts_[0] = 0;
  counts_[bucket] += count;
}

void Histogram::add_to(HistogramCounts& counts) const {
  const auto last = std::find_if(counts_.rbegin(), counts_.rend(), [](std::uint64_t count) { return count != 0; });
  base::add(counts, std::span(counts_).first(static_cast<std::size_t>(counts_.rend() - last)));
}

std::uint64_t total(std::span<const std::uint64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

void add(HistogramCounts& to, std::span<const std::uint64_t> counts) {
  if (to.size() < counts.size()) to.resize(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) to[i] += counts[i];
}

Duration quantile(std::span<const std::uint64_t> counts, double share) {
  const std::uint64_t all = total(counts);
  if (all == 0) return Duration::zero();
  const double rank = std::clamp(std::ceil(share * static_cast<double>(all)), 1.0, static_cast<double>(all));
  std::uint64_t before = 0;
  std::size_t i = 0;
  while (static_cast<double>(before + counts[i]) < rank) before += counts[i++];
  const double part = (rank - static_cast<double>(before)) / static_cast<double>(counts[i]);
  const Duration begin = Histogram::begin(i), width = Histogram::begin(i + 1) - begin;
  return begin + Duration(static_cast<std::int64_t>(part * static_cast<double>(width.count())));
}

}  // namespace base
