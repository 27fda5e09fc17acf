// Unit tests of histograms.
#include "base/histogram.h"

#include <gtest/gtest.h>

namespace base {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

HistogramCounts counted(std::initializer_list<Duration> durations) {
  Histogram histogram;
  for (const Duration duration : durations) histogram.add(Histogram::bucket(duration));
  HistogramCounts counts;
  histogram.add_to(counts);
  return counts;
}

TEST(Histogram, BucketsMeetAndNoneIsWiderThanAnEighthOfWhatItCounts) {
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    const Duration begin = Histogram::begin(i), end = Histogram::begin(i + 1);
    ASSERT_LT(begin, end);
    EXPECT_EQ(Histogram::bucket(begin), i);
    EXPECT_EQ(Histogram::bucket(end - Duration(1)), i);
    EXPECT_TRUE(i < 8 || (end - begin) * 8 <= begin) << i;
  }
}

TEST(Histogram, WhatIsLongerThanTheLastBucketIsCountedThere) {
  EXPECT_EQ(Histogram::bucket(hours(1000)), Histogram::kBuckets - 1);
  EXPECT_GT(Histogram::begin(Histogram::kBuckets - 1), std::chrono::seconds(60));
}

TEST(Histogram, SumsGrowAsNeeded) {
  HistogramCounts sum = counted({microseconds(3)});
  add(sum, counted({milliseconds(7), microseconds(3)}));
  add(sum, {});
  EXPECT_EQ(total(sum), 3u);
  EXPECT_EQ(sum[Histogram::bucket(microseconds(3))], 2u);
  EXPECT_EQ(sum.size(), Histogram::bucket(milliseconds(7)) + 1);
}

TEST(Histogram, FirstBucketMovesWhereItBelongs) {
  Histogram histogram;
  histogram.add(0);
  histogram.add(0);
  histogram.add(20);
  histogram.move_first(20);
  HistogramCounts counts;
  histogram.add_to(counts);
  EXPECT_EQ(counts[0], 0u);
  EXPECT_EQ(counts[20], 3u);
  histogram.move_first(0);
  EXPECT_EQ(total(counts), 3u);
}

TEST(Histogram, QuantilesAreWithinTheBucketOfTheirRank) {
  HistogramCounts counts;
  for (int i = 1; i <= 1000; ++i) add(counts, counted({microseconds(i)}));
  for (const auto& [share, us] : {std::pair{0.5, 500}, {0.99, 990}, {0.999, 999}, {1.0, 1000}}) {
    const auto got = static_cast<double>(quantile(counts, share).count()) / 1000;
    EXPECT_NEAR(got, us, us / 15.0) << share;
  }
  EXPECT_EQ(quantile({}, 0.5), Duration::zero());
  EXPECT_LE(quantile(counted({Duration(1)}), 0), microseconds(2));
}

}  // namespace
}  // namespace base
