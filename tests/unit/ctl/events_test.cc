// Unit tests of the log of events and of those who follow it.
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/ctl/control_fixture.h"

namespace ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(EventLog, ReadersGetWhatCameAfterTheirNumber) {
  EventLog log;
  EXPECT_EQ(log.read(0).last, 0u);
  for (int i = 1; i <= 5; ++i) log.add({0, {}, "s", "e" + std::to_string(i), "", ""});
  const EventBatch batch = log.read(3);
  ASSERT_EQ(batch.events.size(), 2u);
  EXPECT_EQ(batch.events[0].event, "e4");
  EXPECT_EQ(batch.events[0].number, 4u);
  EXPECT_EQ(batch.last, 5u);
  EXPECT_EQ(batch.lost, 0u);
  EXPECT_TRUE(log.read(5).events.empty());
  EXPECT_TRUE(log.read(~std::uint64_t{0}).events.empty());
}

TEST(EventLog, SlowReadersLearnHowManyTheyLost) {
  EventLog log;
  for (std::size_t i = 0; i < EventLog::kKept + 10; ++i) log.add({});
  const EventBatch first = log.read(4);
  EXPECT_EQ(first.lost, 6u);
  EXPECT_EQ(first.events.size(), EventLog::kMostAtOnce);
  EXPECT_EQ(first.events[0].number, 11u);
  const EventBatch second = log.read(first.events.back().number);
  EXPECT_EQ(second.lost, 0u);
  EXPECT_EQ(second.events[0].number, first.events.back().number + 1);
}

struct EventsTest : ControlFixture {
  void happens(const char* event, std::uint64_t number, const char* ring = "iscsi/0") {
    iscsi::EventInfo& info = machine.events.emplace_back();
    info.event = event;
    info.subject = "127.0.0.1:5";
    info.ring = ring;
    info.at = clock.now();
    info.number = number;
  }
  // Asks for what came after `after_`; the answer is in `answer` when it has come.
  void ask(base::Duration wait) {
    answer.reset();
    feed.read(after, wait, [this](base::Result<EventBatch> result) {
      answer = std::move(result.value());
      after = answer->events.empty() ? after : answer->events.back().number;
    });
    settle();
  }
  std::string names() const {
    std::string out;
    for (const Event& event : answer->events) out += event.event + ",";
    return out;
  }

  EventFeed feed{*reactor, machine};
  std::uint64_t after = 0;
  std::optional<EventBatch> answer;
};

TEST_F(EventsTest, WhatRingsKeepIsToldOnceInTheOrderOfTime) {
  happens("one", 1);
  clock.advance(seconds(1));
  happens("three", 2);
  fcp::EventInfo& link = machine.fc_events.emplace_back();
  link.event = "two";
  link.ring = "fc0";
  link.at = clock.now() - milliseconds(500);
  link.number = 1;
  ask({});
  ASSERT_TRUE(answer);
  EXPECT_EQ(names(), "one,two,three,");
  EXPECT_EQ(answer->events[0].source, "iscsi/0");
  ask({});
  EXPECT_EQ(names(), "");
  happens("four", 3);  // in the same moment as the one before
  ask({});
  EXPECT_EQ(names(), "four,");
}

TEST_F(EventsTest, WhoWaitsIsAnsweredByTheFirstEventOrAtTheEndOfItsTime) {
  ask(seconds(10));
  EXPECT_FALSE(answer);
  clock.advance(milliseconds(300));
  settle();
  EXPECT_FALSE(answer);
  happens("login", 1);
  clock.advance(milliseconds(300));
  settle();
  ASSERT_TRUE(answer);
  EXPECT_EQ(names(), "login,");
  ask(seconds(2));
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(answer.has_value(), i >= 8) << i;
    clock.advance(milliseconds(250));
    settle();
  }
  EXPECT_EQ(names(), "");
}

TEST_F(EventsTest, WhatARingOverwroteIsTold) {
  happens("a", 1);
  ask({});
  clock.advance(seconds(1));
  happens("b", 7);
  ask({});
  EXPECT_EQ(names(), "events lost,b,");
  EXPECT_EQ(answer->events[0].detail, "5");
  clock.advance(seconds(1));
  happens("anew", 1);  // the port was made again
  ask({});
  EXPECT_EQ(names(), "anew,");
}

TEST_F(EventsTest, UnitsThatChangeTheirStateAndConfigurationsAreTold) {
  ASSERT_TRUE(call("lu.create", {{"name", "d"}, {"backstore", "ram"}, {"size", "1MiB"}}));
  ask({});
  EXPECT_EQ(names(), "");
  machine.state = "offline";
  ask({});
  EXPECT_EQ(names(), "offline,");
  EXPECT_EQ(answer->events[0].subject, "d");
  Transactor::Report report;
  report.changes.push_back({Change::Kind::kAdd, "lu e", {}});
  feed.configured(report);  // a dry run
  report.applied = true;
  feed.configured(report);
  ask({});
  EXPECT_EQ(names(), "changed,");
  EXPECT_EQ(answer->events[0].subject, "+ lu e");
}

TEST_F(EventsTest, TooManyWhoWaitAreRefused) {
  std::size_t refused = 0;
  for (std::size_t i = 0; i < EventFeed::kMaxWaiting + 3; ++i) {
    feed.read(0, seconds(1), [&](const base::Result<EventBatch>& result) { refused += result ? 0 : 1; });
  }
  EXPECT_EQ(refused, 3u);
  clock.advance(seconds(1));
  settle();
}

TEST_F(EventsTest, MethodTellsTimesAndNumbers) {
  ASSERT_TRUE(call("lu.create", {{"name", "d"}, {"backstore", "ram"}, {"size", "1MiB"}}));
  const auto result = call("event.list");
  ASSERT_TRUE(result) << result.error().text;
  const Json& event = (*result)["events"].at(0);
  EXPECT_EQ(event["source"], "configuration");
  EXPECT_EQ(event["number"], 1);
  EXPECT_EQ(event["time"].get<std::string>().size(), std::string("2026-11-22T02:25:00.123Z").size());
  EXPECT_EQ((*result)["last"], 1);
  EXPECT_EQ((*result)["lost"], 0);
  EXPECT_FALSE(call("event.list", {{"wait", "5min"}}));
}

}  // namespace
}  // namespace ctl
