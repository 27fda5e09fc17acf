// Unit tests of the rates that tgtctl top shows.
#include "ctl/tgtctl/top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/tgtctl/command_line.h"

namespace ctl {
namespace {

Json row(const char* kind, const char* name, std::uint64_t reads, std::uint64_t bytes, const char* buckets) {
  return {{"kind", kind},
          {"name", name},
          {"reads", reads},
          {"writes", 0},
          {"others", 0},
          {"read_bytes", bytes},
          {"read_latency", {{"buckets", Json::parse(buckets)}}},
          {"in_flight", 3}};
}

TEST(Top, RatesAreOfWhatHappenedBetweenTheAnswers) {
  const Json before = {row("lu", "a", 100, 409600, "[[16384, 100]]")};
  const Json after = {row("lu", "a", 300, 1228800, "[[16384, 100], [1048576, 200]]")};
  const Json rates = rates_between(before, after, 2);
  ASSERT_EQ(rates.size(), 1u);
  EXPECT_DOUBLE_EQ(rates[0]["iops"].get<double>(), 100);
  EXPECT_DOUBLE_EQ(rates[0]["read_iops"].get<double>(), 100);
  EXPECT_DOUBLE_EQ(rates[0]["read_bytes_per_s"].get<double>(), 409600);
  EXPECT_DOUBLE_EQ(rates[0]["in_flight"].get<double>(), 3);
  // Only the new ones, all of the bucket that ends at 2^20 ns and is an eighth of a power of two wide.
  EXPECT_GT(rates[0]["p50_ns"].get<double>(), 1048576 * 15 / 16.0 - 1);
  EXPECT_LE(rates[0]["p999_ns"].get<double>(), 1048576);
  EXPECT_EQ(rates[0]["write_p50_ns"], 0);
}

TEST(Top, WhatIsNewHasDoneAllOfItAndWhatStartedAgainNothing) {
  const Json before = {row("session", "x", 50, 0, "[]")};
  const Json after = {row("session", "x", 10, 0, "[]"), row("session", "y", 10, 0, "[[2048, 10]]")};
  const Json rates = rates_between(before, after, 1);
  EXPECT_DOUBLE_EQ(rates[0]["iops"].get<double>(), 0);
  EXPECT_DOUBLE_EQ(rates[1]["iops"].get<double>(), 10);
}

TEST(Top, RowsAreSortedWithinTheirKind) {
  Json rates = rates_between(Json::array(),
                             {row("lu", "a", 1, 9, "[]"), row("lu", "b", 2, 8, "[]"), row("port", "p", 0, 0, "[]"),
                              row("session", "s", 5, 0, "[]")},
                             1);
  const auto order = [&](TopSort sort) {
    sort_rates(rates, sort);
    std::string names;
    for (const Json& one : rates) names += one["name"].get<std::string>();
    return names;
  };
  EXPECT_EQ(order(TopSort::kIops), "psba");
  EXPECT_EQ(order(TopSort::kThroughput), "psab");
  EXPECT_EQ(order(TopSort::kName), "psab");
}

TEST(Top, AnswersThatAreNotWhatTheyShouldBeDoNoHarm) {
  const Json odd =
      Json::parse(R"([{"kind": 5, "name": null, "reads": "x", "read_latency": {"buckets": [[1], 2, ["a", 3],
                                   [-5, 1], [9223372036854775807, 1]]}}])");
  const Json rates = rates_between(Json::array(), odd, 0);
  EXPECT_EQ(rates.size(), 1u);
  EXPECT_THAT(format_rates(rates), testing::HasSubstr("IOPS"));
}

TEST(Top, IsACommand) {
  const auto parse = [](std::vector<const char*> words) {
    words.insert(words.begin(), "tgtctl");
    return parse_command_line(static_cast<int>(words.size()), words.data());
  };
  const CommandLine line = parse({"top", "-b", "-n", "3", "-i", "250ms", "--sort", "latency", "--of", "lu,port"});
  ASSERT_TRUE(line.top) << line.output;
  EXPECT_TRUE(line.top->batch);
  EXPECT_EQ(line.top->count, 3u);
  EXPECT_EQ(line.top->interval, std::chrono::milliseconds(250));
  EXPECT_EQ(line.top->sort, TopSort::kLatency);
  EXPECT_EQ(line.top->of, (std::vector<std::string>{"lu", "port"}));
  EXPECT_EQ(parse({"top", "-i", "1us"}).exit_code, 2);
  EXPECT_EQ(parse({"top", "--sort", "age"}).exit_code, 2);
}

}  // namespace
}  // namespace ctl
