// The judges themselves: each finds what it is there for.
#include <gtest/gtest.h>

#include "tests/sim/attention_oracle.h"
#include "tests/sim/data_in_log.h"
#include "tests/sim/medium_oracle.h"

namespace sim {
namespace {

constexpr std::uint32_t kBlock = 512;

std::vector<std::byte> content(const MediumOracle& medium, MediumOracle::Stamp stamp, std::uint32_t lba) {
  std::vector<std::byte> data(kBlock);
  medium.fill(data, stamp, lba);
  return data;
}

TEST(MediumOracle, OlderContentIsWrongAfterAWriteThatIsGood) {
  MediumOracle medium(kBlock, 8);
  const auto write = medium.write_begins(3, 1);
  const auto early = medium.read_begins(3, 1);
  medium.write_is_good(write);
  EXPECT_EQ(medium.read_is_good(early, content(medium, 0, 3)), "") << "it may have come first";
  const auto late = medium.read_begins(3, 1);
  EXPECT_NE(medium.read_is_good(late, content(medium, 0, 3)), "");
  EXPECT_EQ(medium.read_is_good(medium.read_begins(3, 1), content(medium, write, 3)), "");
}

TEST(MediumOracle, AbortedWriteMayHaveLandedUntilSomethingIsWrittenAfterIt) {
  MediumOracle medium(kBlock, 8);
  const auto aborted = medium.write_begins(0, 1);
  medium.write_is_over(aborted);
  EXPECT_EQ(medium.read_is_good(medium.read_begins(0, 1), content(medium, 0, 0)), "");
  EXPECT_EQ(medium.read_is_good(medium.read_begins(0, 1), content(medium, aborted, 0)), "");
  const auto next = medium.write_begins(0, 1);
  medium.write_is_good(next);
  EXPECT_NE(medium.read_is_good(medium.read_begins(0, 1), content(medium, aborted, 0)), "") << "it landed later";
}

TEST(MediumOracle, OrderOfTaskAttributesDecidesBetweenWritesThatOverlap) {
  MediumOracle medium(kBlock, 8);
  const auto first = medium.write_begins(0, 1), second = medium.write_begins(0, 1);
  const auto read = medium.read_begins(0, 1), ordered = medium.read_begins(0, 1);
  medium.write_is_good(first);
  medium.write_is_good(second, {first});
  EXPECT_EQ(medium.read_is_good(read, content(medium, first, 0)), "") << "simple: it may have come between them";
  EXPECT_NE(medium.read_is_good(ordered, content(medium, first, 0), {first, second}), "");
  EXPECT_NE(medium.read_is_good(medium.read_begins(0, 1), content(medium, first, 0)), "");
}

TEST(DataInLog, HolesAndReplicasAreSeen) {
  std::vector<std::byte> buffer(100);
  const std::vector<std::byte> ten(10, std::byte{1}), other(10, std::byte{2});
  DataInLog log;
  EXPECT_EQ(log.add(0, 0, ten, buffer), nullptr);
  EXPECT_EQ(log.add(2, 20, ten, buffer), nullptr);
  EXPECT_EQ(log.missing(3).first, 1u);
  EXPECT_EQ(log.missing(3).count, 1u);
  EXPECT_NE(log.add(1, 15, ten, buffer), nullptr) << "not where the one before it ended";
  EXPECT_NE(log.add(2, 20, other, buffer), nullptr) << "no replica";
  EXPECT_NE(log.add(3, 95, ten, buffer), nullptr) << "beyond the end";
  EXPECT_EQ(log.add(1, 10, ten, buffer), nullptr);
  EXPECT_EQ(log.missing(3).count, 0u);
  EXPECT_EQ(log.bytes(), 30u);
  log.restart(1);
  EXPECT_EQ(log.end(), 1u);
}

TEST(AttentionOracle, WhatNobodyCausedMayNotBeToldAndWhatIsCertainMust) {
  AttentionOracle oracle;
  oracle.new_session();
  EXPECT_TRUE(oracle.kept_silent(0, 1)) << "power on";
  EXPECT_TRUE(oracle.told(0, AttentionOracle::kPowerOn, 2));
  EXPECT_FALSE(oracle.told(0, AttentionOracle::kPowerOn, 3)) << "once";
  EXPECT_FALSE(oracle.told(0, AttentionOracle::kReset, 3));
  oracle.reset_begins(0);
  EXPECT_FALSE(oracle.kept_silent(0, 4)) << "not over yet";
  oracle.must(0, AttentionOracle::kReset, 5, 6);
  EXPECT_FALSE(oracle.kept_silent(0, 5)) << "sent before that";
  EXPECT_TRUE(oracle.kept_silent(0, 7));
  EXPECT_TRUE(oracle.told(0, AttentionOracle::kReset, 8));
  EXPECT_FALSE(oracle.kept_silent(0, 9));
}

}  // namespace
}  // namespace sim
