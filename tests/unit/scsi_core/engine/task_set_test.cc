// Unit tests of the task set: SIMPLE, ORDERED, HEAD OF QUEUE and exclusive commands, on one reactor and on several.
#include <gtest/gtest.h>

#include <algorithm>

#include "scsi_core/logical_unit.h"
#include "scsi_core/lu_control.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

// The order in which handlers begin; commands are held at the medium while `bench.medium_a.hold`.
struct Order {
  explicit Order(std::size_t reactors = 1) : bench(reactors) {
    bench.log_a.entered = [this](const Command& command) { entered.push_back(&command); };
    bench.medium_a.hold = true;
  }
  bool runs(const LoopCommand& command) const {
    return std::find(entered.begin(), entered.end(), &command.command) != entered.end();
  }
  void settle() { bench.target.settle(); }
  void let_go() {  // of what the medium has now
    bench.medium_a.hold = false;
    settle();
    bench.medium_a.hold = true;
  }
  void let_one_go() {
    bench.medium_a.hold = false;
    const auto answered = [this] { return bench.medium_a.taken - bench.medium_a.outstanding; };
    const std::size_t before = answered();
    while (answered() == before) {
      ASSERT_TRUE(bench.target.step());
    }
    bench.medium_a.hold = true;
    settle();
  }
  ~Order() { bench.medium_a.hold = false; }

  std::vector<const Command*> entered;
  Bench bench;
};

TEST(TaskSet, SimpleCommandsRunAtOnceAndTogether) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  const LoopCommand& one = order.bench.read(host, 0);
  const LoopCommand& two = order.bench.write(host, 0);
  const LoopCommand& three = order.bench.read(host, 0);
  order.settle();
  EXPECT_TRUE(order.runs(one) && order.runs(two) && order.runs(three));
  order.let_go();
}

TEST(TaskSet, OrderedCommandWaitsForOlderSimple) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  LoopNexus& other = order.bench.login("other");
  const LoopCommand& mine = order.bench.read(host, 0);
  const LoopCommand& theirs = order.bench.read(other, 5);
  const LoopCommand& ordered = order.bench.read(host, 9, TaskAttribute::kOrdered);
  order.settle();
  EXPECT_FALSE(order.runs(ordered));
  order.let_one_go();
  EXPECT_TRUE(mine.reply.over != theirs.reply.over);
  EXPECT_FALSE(order.runs(ordered));
  order.let_one_go();
  EXPECT_TRUE(order.runs(ordered));
  order.let_go();
  EXPECT_TRUE(ordered.reply.good());
}

TEST(TaskSet, NewerSimpleAndOrderedWaitForOrdered) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  LoopNexus& other = order.bench.login("other");
  const LoopCommand& first = order.bench.read(host, 0, TaskAttribute::kOrdered);
  const LoopCommand& simple = order.bench.read(other, 5);
  const LoopCommand& none = other.send({.cdb = inquiry(), .in = 36});
  const LoopCommand& second = order.bench.read(host, 9, TaskAttribute::kOrdered);
  const LoopCommand& last = order.bench.read(host, 3);
  order.settle();
  EXPECT_TRUE(order.runs(first));
  EXPECT_FALSE(order.runs(simple) || order.runs(none) || order.runs(second) || order.runs(last));
  order.let_one_go();
  EXPECT_TRUE(order.runs(simple) && order.runs(none));
  EXPECT_FALSE(order.runs(second) || order.runs(last));
  order.let_one_go();
  EXPECT_TRUE(order.runs(second));
  EXPECT_FALSE(order.runs(last));
  order.let_one_go();
  EXPECT_TRUE(order.runs(last));
  order.let_go();
}

TEST(TaskSet, OrderedOfOneUnitIsNothingToAnother) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  order.bench.read(host, 0, TaskAttribute::kOrdered);
  const LoopCommand& elsewhere = host.send({.cdb = read_10(0, 1), .lun = 1, .in = 512});
  order.settle();
  EXPECT_TRUE(elsewhere.reply.good());
  order.let_go();
}

TEST(TaskSet, HeadOfQueuePassesOrderedThatWaits) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  order.bench.read(host, 0);
  const LoopCommand& ordered = order.bench.read(host, 1, TaskAttribute::kOrdered);
  const LoopCommand& head = order.bench.read(host, 2, TaskAttribute::kHeadOfQueue);
  order.settle();
  EXPECT_FALSE(order.runs(ordered));
  EXPECT_TRUE(order.runs(head));
  order.let_go();
}

TEST(TaskSet, HeadOfQueueRunsBesideOrderedThatRuns) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  order.bench.read(host, 1, TaskAttribute::kOrdered);
  const LoopCommand& head = order.bench.read(host, 2, TaskAttribute::kHeadOfQueue);
  order.settle();
  EXPECT_TRUE(order.runs(head));
  order.let_go();
}

// SAM-5 8.6: a SIMPLE command is not enabled before older HEAD OF QUEUE commands have ended.
TEST(TaskSet, NewerSimpleWaitsForHeadOfQueue) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  const LoopCommand& head = order.bench.read(host, 2, TaskAttribute::kHeadOfQueue);
  const LoopCommand& simple = order.bench.read(host, 4);
  const LoopCommand& second = order.bench.read(host, 5, TaskAttribute::kHeadOfQueue);
  order.settle();
  EXPECT_TRUE(order.runs(head) && order.runs(second));
  EXPECT_FALSE(order.runs(simple));
  order.let_go();
  EXPECT_TRUE(simple.reply.good());
}

TEST(TaskSet, HeadOfQueueDoesNotPassAnExclusiveRange) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  order.settle();
  host.send({.cdb = exclusive_range(0, 2), .in = 1024});
  const LoopCommand& beside = order.bench.read(host, 2, TaskAttribute::kHeadOfQueue);
  const LoopCommand& within = order.bench.read(host, 1, TaskAttribute::kHeadOfQueue);
  order.settle();
  EXPECT_TRUE(order.runs(beside));
  EXPECT_FALSE(order.runs(within));
  order.let_go();
  EXPECT_TRUE(within.reply.good());
}

TEST(TaskSet, ExclusiveRangeWaitsForOlderOverlapAndHoldsNewerOverlap) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  const LoopCommand& older = order.bench.write(host, 1);
  const LoopCommand& exclusive = host.send({.cdb = exclusive_range(0, 2), .in = 1024});
  const LoopCommand& newer = order.bench.read(host, 0);
  const LoopCommand& beside = order.bench.read(host, 2);
  const LoopCommand& no_medium = host.send({.cdb = inquiry(), .in = 36});
  order.settle();
  EXPECT_TRUE(order.runs(older) && order.runs(beside) && order.runs(no_medium));
  EXPECT_FALSE(order.runs(exclusive) || order.runs(newer));
  order.let_one_go();
  order.let_one_go();
  EXPECT_TRUE(order.runs(exclusive));
  EXPECT_FALSE(order.runs(newer));
  order.let_one_go();
  EXPECT_TRUE(order.runs(newer));
  order.let_go();
}

TEST(TaskSet, ExclusiveRangesThatDoNotOverlapRunTogether) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  const LoopCommand& one = host.send({.cdb = exclusive_range(0, 2), .in = 1024});
  const LoopCommand& two = host.send({.cdb = exclusive_range(2, 2), .in = 1024});
  const LoopCommand& three = host.send({.cdb = exclusive_range(3, 2), .in = 1024});
  order.settle();
  EXPECT_TRUE(order.runs(one) && order.runs(two));
  EXPECT_FALSE(order.runs(three));
  order.let_go();
  EXPECT_TRUE(three.reply.good());
}

TEST(TaskSet, ExclusiveCommandHasTheWholeMedium) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  const LoopCommand& older = order.bench.read(host, 60);
  const LoopCommand& format = host.send({.cdb = exclusive()});
  const LoopCommand& newer = order.bench.read(host, 30);
  const LoopCommand& no_medium = host.send({.cdb = inquiry(), .in = 36});
  order.settle();
  EXPECT_TRUE(order.runs(older) && order.runs(no_medium));
  EXPECT_FALSE(order.runs(format) || order.runs(newer));
  order.let_go();
  EXPECT_TRUE(format.reply.good() && newer.reply.good());
}

TEST(TaskSet, AbortedFenceLetsTheOthersPass) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  order.bench.read(host, 0);
  const LoopCommand& ordered = order.bench.read(host, 1, TaskAttribute::kOrdered);
  const LoopCommand& newer = order.bench.read(host, 2);
  order.settle();
  EXPECT_FALSE(order.runs(newer));
  EXPECT_EQ(order.bench.target.manage(host, TaskFunction::kAbortTask, 0, &ordered), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(ordered.reply.dropped);
  EXPECT_TRUE(order.runs(newer));
  order.let_go();
}

// The checks are made when a command's turn comes: a reservation made by an older ORDERED command holds for it.
TEST(TaskSet, ChecksAreMadeWhenTheTurnHasCome) {
  Order order;
  LoopNexus& host = order.bench.login("host");
  order.bench.read(host, 0, TaskAttribute::kOrdered);
  const LoopCommand& waiting = order.bench.read(host, 2);
  order.settle();
  order.bench.target.reactor().post_function([&] {
    publish_denials(
        *order.bench.log_a.lu, [](const NexusKey&) { return std::uint8_t{kDenyRead}; }, nullptr);
  });
  order.let_go();
  EXPECT_EQ(waiting.reply.status, Status::kReservationConflict);
}

TEST(TaskSetOfSeveralReactors, OrderedCommandWaitsForOlderSimpleElsewhere) {
  Order order(3);
  LoopNexus& near = order.bench.login("near", 0);  // the home of LUN 0
  LoopNexus& far = order.bench.login("far", 1);
  LoopNexus& third = order.bench.login("third", 2);
  const LoopCommand& older = order.bench.read(third, 0);
  order.settle();
  const LoopCommand& ordered = order.bench.read(far, 1, TaskAttribute::kOrdered);
  order.settle();
  const LoopCommand& newer_near = order.bench.read(near, 2);
  const LoopCommand& newer_third = order.bench.read(third, 3);
  const LoopCommand& head = order.bench.read(third, 4, TaskAttribute::kHeadOfQueue);
  order.settle();
  EXPECT_TRUE(order.runs(older) && order.runs(head));
  EXPECT_FALSE(order.runs(ordered) || order.runs(newer_near) || order.runs(newer_third));
  order.let_go();
  EXPECT_TRUE(ordered.reply.good() && newer_near.reply.good() && newer_third.reply.good());
  const auto place = [&](const LoopCommand& command) {
    return std::find(order.entered.begin(), order.entered.end(), &command.command) - order.entered.begin();
  };
  EXPECT_LT(place(ordered), place(newer_near));
  EXPECT_LT(place(ordered), place(newer_third));
}

TEST(TaskSetOfSeveralReactors, FenceHoldsForReactorsThatSeeTheUnitLater) {
  Order order(2);
  LoopNexus& near = order.bench.login("near", 0);
  LoopNexus& late = order.bench.target.login("iqn.2026-01.test:late", 1);
  order.bench.read(near, 1, TaskAttribute::kOrdered);
  order.settle();
  const LoopCommand& first = late.send({.cdb = test_unit_ready()});
  order.settle();
  EXPECT_FALSE(first.reply.over);
  order.let_go();
  EXPECT_TRUE(first.reply.check(kPowerOnOccurred));
}

TEST(TaskSetOfSeveralReactors, ExclusiveRangesOfTwoReactorsExcludeEachOther) {
  Order order(3);
  LoopNexus& one = order.bench.login("one", 1);
  LoopNexus& two = order.bench.login("two", 2);
  const LoopCommand& a = one.send({.cdb = exclusive_range(0, 2), .in = 1024});
  const LoopCommand& b = two.send({.cdb = exclusive_range(1, 2), .in = 1024});
  order.settle();
  EXPECT_NE(order.runs(a), order.runs(b));
  order.let_go();
  EXPECT_TRUE(a.reply.good() && b.reply.good());
}

// Two reactors ask the home at the same time; each has newer commands behind its own fence that the other's concerns.
// Home of LUN 0 is reactor 0; the messages are moved one round at a time.
struct Crossing : testing::Test {
  Order order{3};
  LoopNexus& one = order.bench.login("one", 1);
  LoopNexus& two = order.bench.login("two", 2);
  void round(std::size_t reactor, int times = 8) {
    for (int i = 0; i < times; ++i) order.bench.target.reactor(reactor).run_once();
  }
};

TEST_F(Crossing, CommandBehindALaterFenceIsNotWaitedForByAnEarlierOne) {
  const LoopCommand& first = order.bench.read(two, 9, TaskAttribute::kOrdered);
  round(2);  // asks first
  const LoopCommand& second = order.bench.read(one, 9, TaskAttribute::kOrdered);
  const LoopCommand& behind = order.bench.read(one, 20);
  round(1);  // asks second, before it hears of the first
  order.settle();
  EXPECT_TRUE(order.runs(first));
  EXPECT_FALSE(order.runs(second) || order.runs(behind));
  order.let_go();
  EXPECT_TRUE(first.reply.good() && second.reply.good() && behind.reply.good());
}

TEST_F(Crossing, CommandThatRunsBehindALaterFenceIsWaitedForByAnEarlierOne) {
  const LoopCommand& first = two.send({.cdb = exclusive_range(20, 2), .in = 1024});
  round(2);
  const LoopCommand& second = one.send({.cdb = exclusive_range(0, 2), .in = 1024});
  const LoopCommand& beside = order.bench.write(one, 20);  // not in the way of the second, but of the first
  round(1);
  EXPECT_TRUE(order.runs(beside));
  order.settle();
  EXPECT_TRUE(order.runs(second));
  EXPECT_FALSE(order.runs(first));
  order.let_go();
  EXPECT_TRUE(first.reply.good() && second.reply.good() && beside.reply.good());
}

TEST_F(Crossing, FenceWhoseCommandIsAbortedBeforeItIsKnownIsTakenBack) {
  const LoopCommand& ordered = order.bench.read(one, 9, TaskAttribute::kOrdered);
  round(1);
  one.manage(TaskFunction::kAbortTask, 0, &ordered);
  round(1);
  order.settle();
  EXPECT_TRUE(ordered.reply.dropped);
  const LoopCommand& other = order.bench.read(two, 9);
  order.settle();
  EXPECT_TRUE(order.runs(other));
  order.let_go();
}

}  // namespace
}  // namespace scsi::engine_test
