// Unit tests of what is counted of commands, and of their latency.
#include <gtest/gtest.h>

#include "scsi_core/nexus.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct StatisticsTest : testing::Test {
  Statistics unit(const std::string& name) {
    Statistics out;
    bench.target.core().list_lus([&](const std::vector<LuInfo>& all) {
      for (const LuInfo& info : all) {
        if (info.config.name == name) out = info.statistics;
      }
    });
    bench.target.settle();
    return out;
  }
  std::vector<NamedStatistics> ports() {
    std::vector<NamedStatistics> out;
    bench.target.core().list_ports([&](std::vector<NamedStatistics> all) { out = std::move(all); });
    bench.target.settle();
    return out;
  }
  static base::HistogramCounts once(base::Duration latency) {
    base::HistogramCounts counts(base::Histogram::bucket(latency) + 1);
    counts.back() = 1;
    return counts;
  }

  Bench bench;
  LoopNexus& host = bench.login("host");
};

TEST_F(StatisticsTest, LatencyIsCountedByKind) {
  bench.medium_a.hold = true;
  bench.read(host, 0);
  bench.target.settle();
  bench.target.advance(milliseconds(5));
  bench.medium_a.hold = false;
  bench.target.settle();
  EXPECT_EQ(unit("a").reads, once(milliseconds(5)));
  EXPECT_TRUE(unit("a").writes.empty());
  host.port().hold_transfers = true;
  bench.write(host, 0);
  bench.target.settle();
  bench.target.advance(milliseconds(30));
  host.port().hold_transfers = false;
  bench.target.settle();
  EXPECT_EQ(unit("a").writes, once(milliseconds(30)));
  EXPECT_EQ(unit("a").reads, once(milliseconds(5)));
  EXPECT_EQ(unit("a").read_bytes, 512u);
  EXPECT_EQ(unit("a").write_bytes, 512u);
  EXPECT_TRUE(unit("b").reads.empty());
}

TEST_F(StatisticsTest, CommandsThatEndInTheirRoundTookAsLongAsTheRound) {
  bench.read(host, 0);
  bench.target.settle();
  EXPECT_EQ(unit("a").reads, once(base::Duration(0)));  // the round is not over: the clock stands still
  bench.target.advance(microseconds(80));
  EXPECT_EQ(unit("a").reads, once(microseconds(80)));
  bench.read(host, 1);
  bench.target.settle();
  bench.target.advance(microseconds(300));
  Statistics both;
  base::add(both.reads, once(microseconds(80)));
  base::add(both.reads, once(microseconds(300)));
  EXPECT_EQ(unit("a").reads, both.reads);
}

TEST_F(StatisticsTest, CommandsInFlightAreCounted) {
  bench.medium_a.hold = true;
  bench.read(host, 0);
  bench.read(host, 1);
  bench.target.settle();
  EXPECT_EQ(unit("a").in_flight, 2u);
  EXPECT_EQ(host.nexus().statistics().in_flight, 2u);
  bench.medium_a.hold = false;
  bench.target.settle();
  EXPECT_EQ(unit("a").in_flight, 0u);
}

TEST_F(StatisticsTest, AbortedCommandsHaveNoLatency) {
  bench.medium_a.hold = true;
  bench.read(host, 0);
  bench.target.settle();
  host.manage(TaskFunction::kAbortTaskSet);
  bench.medium_a.hold = false;
  bench.target.settle();
  EXPECT_EQ(unit("a").aborted, 1u);
  EXPECT_TRUE(unit("a").reads.empty());
}

TEST_F(StatisticsTest, NexusThatIsGoneStaysCountedAtUnitAndPort) {
  bench.read(host, 0);
  bench.target.settle();
  EXPECT_EQ(base::total(host.nexus().statistics().reads), 1u);
  const Statistics before = unit("a");
  const auto ports_before = ports();
  ASSERT_EQ(ports_before.size(), 1u);
  EXPECT_EQ(base::total(ports_before[0].second.reads), 1u);
  host.lose();
  bench.target.settle();
  ASSERT_TRUE(host.quiet());
  EXPECT_EQ(unit("a").reads, before.reads);
  EXPECT_EQ(unit("a").others, before.others);
  const auto ports_after = ports();
  ASSERT_EQ(ports_after.size(), 1u);
  EXPECT_EQ(ports_after[0].first, ports_before[0].first);
  EXPECT_EQ(base::total(ports_after[0].second.reads), 1u);
  EXPECT_EQ(ports_after[0].second.others, ports_before[0].second.others);
}

}  // namespace
}  // namespace scsi::engine_test
