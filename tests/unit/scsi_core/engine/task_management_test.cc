// Unit tests of task management functions, lost nexuses and deadlines.
#include <gtest/gtest.h>

#include <algorithm>

#include "scsi_core/logical_unit.h"
#include "scsi_core/lu_control.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

using std::chrono::seconds;

struct Management : testing::Test {
  explicit Management(std::size_t reactors = 1) : bench(reactors) {}
  void TearDown() override { bench.medium_a.hold = bench.medium_b.hold = false; }
  TmfResponse manage(LoopNexus& nexus, TaskFunction function, std::uint32_t lun = 0,
                     const LoopCommand* task = nullptr) {
    return bench.target.manage(nexus, function, lun, task);
  }
  LoopFunction& start(LoopNexus& nexus, TaskFunction function, std::uint32_t lun = 0,
                      const LoopCommand* task = nullptr) {
    LoopFunction& asked = nexus.manage(function, lun, task);
    bench.target.settle();
    return asked;
  }
  void settle() { bench.target.settle(); }
  void let_medium_go() {
    bench.medium_a.hold = false;
    settle();
  }
  bool ready(LoopNexus& nexus) { return bench.target.run(nexus, {.cdb = test_unit_ready()}).good(); }
  void report_task_aborted() { bench.log_a.lu->flags |= kLuTaskAborted; }

  Bench bench;
  LoopNexus& host = bench.login("host");
  LoopNexus& other = bench.login("other");
};

TEST_F(Management, AbortTaskOfACommandAtTheMediumWaitsForTheMedium) {
  bench.medium_a.hold = true;
  const LoopCommand& task = bench.write(host, 0);
  settle();
  const LoopFunction& abort = start(host, TaskFunction::kAbortTask, 0, &task);
  EXPECT_FALSE(abort.response.has_value());
  EXPECT_FALSE(task.reply.over);
  let_medium_go();
  EXPECT_TRUE(task.reply.dropped);
  EXPECT_EQ(abort.response, TmfResponse::kFunctionComplete);
}

TEST_F(Management, AbortTaskHastensATransfer) {
  host.port().hold_transfers = true;
  const LoopCommand& task = bench.write(host, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kAbortTask, 0, &task), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(task.reply.dropped);
  EXPECT_EQ(bench.medium_a.taken, 0u);
}

TEST_F(Management, AbortThatComesTooLateAnswersTaskDoesNotExist) {
  host.port().hold_transfers = host.port().hold_terminated = true;
  const LoopCommand& task = bench.read(host, 0);
  settle();
  const LoopFunction& abort = start(host, TaskFunction::kAbortTask, 0, &task);
  EXPECT_FALSE(abort.response.has_value());
  host.port().answer_one(scsi::Delivery::kDelivered);  // the status was on its way
  settle();
  EXPECT_TRUE(task.reply.good());
  EXPECT_EQ(abort.response, TmfResponse::kTaskDoesNotExist);
}

TEST_F(Management, DataThatArrivesAfterTheAbortIsNotWritten) {
  host.port().hold_transfers = host.port().hold_terminated = true;
  const LoopCommand& task = bench.write(host, 0);
  settle();
  const LoopFunction& abort = start(host, TaskFunction::kAbortTask, 0, &task);
  host.port().answer_one(scsi::Delivery::kDelivered);
  settle();
  EXPECT_TRUE(task.reply.dropped);
  EXPECT_EQ(abort.response, TmfResponse::kFunctionComplete);
  EXPECT_EQ(bench.medium_a.taken, 0u);
}

TEST_F(Management, AbortOfAnUnknownTaskAndOfAnUnknownLun) {
  const LoopCommand& over = bench.read(host, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kAbortTask, 0, &over), TmfResponse::kTaskDoesNotExist);
  bench.medium_a.hold = true;
  const LoopCommand& theirs = bench.read(other, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kAbortTask, 0, &theirs), TmfResponse::kTaskDoesNotExist);
  for (const TaskFunction function :
       {TaskFunction::kAbortTask, TaskFunction::kAbortTaskSet, TaskFunction::kClearTaskSet,
        TaskFunction::kLogicalUnitReset, TaskFunction::kQueryTask, TaskFunction::kQueryTaskSet,
        TaskFunction::kQueryAsynchronousEvent}) {
    EXPECT_EQ(manage(host, function, 9), TmfResponse::kIncorrectLun);
  }
}

TEST_F(Management, TaskIsFoundHoweverItsLunIsWritten) {
  host.port().hold_transfers = true;
  const LoopCommand& task =
      host.send({.cdb = read_10(0, 1), .lun = 1, .in = 512, .lun_bytes = {{0x40, 1, 0, 0, 0, 0, 0, 0}}});
  settle();
  EXPECT_EQ(host.manage(TaskFunction::kAbortTask, 1, &task).request.lun, Lun::of(1));
  settle();
  EXPECT_TRUE(task.reply.dropped);
}

// SAM-5 7.2: a command is there to be aborted until it has ended, whatever its LUN shows by now.
TEST_F(Management, TaskIsFoundAfterItsLunHasShownAnotherUnitOrNone) {
  using Luns = std::vector<std::pair<std::string, std::uint32_t>>;
  for (const Luns& views : {Luns{}, Luns{{"a", 0}}, Luns{{"b", 0}}, Luns{{"a", 1}}}) {
    ASSERT_TRUE(bench.target.map({{"a", 0}, {"b", 1}}).has_value());
    bench.target.clear_attentions(host);
    host.port().hold_transfers = true;
    const LoopCommand& task = bench.write(host, 0);
    settle();
    ASSERT_TRUE(bench.target.map({}).has_value());
    ASSERT_TRUE(bench.target.map(views).has_value());
    const bool unit_at_1 = !views.empty() && views[0].second == 1;
    EXPECT_EQ(manage(host, TaskFunction::kAbortTask, 1, &task),
              unit_at_1 ? TmfResponse::kTaskDoesNotExist : TmfResponse::kIncorrectLun);
    EXPECT_EQ(manage(host, TaskFunction::kAbortTask, 0, &task), TmfResponse::kFunctionComplete);
    EXPECT_TRUE(task.reply.dropped);
    host.port().hold_transfers = false;
  }
  EXPECT_EQ(bench.medium_a.taken, 0u);
}

// SAM-5 7.3: the tasks of the nexus in the task set, by whatever view they came and at whatever LUN the unit is now.
TEST_F(Management, TaskSetHoldsWhatCameBeforeTheUnitWasTakenAwayAndGivenBack) {
  for (const std::uint32_t lun : {0u, 1u}) {
    ASSERT_TRUE(bench.target.map({{"a", 0}}).has_value());
    bench.target.clear_attentions(host);
    host.port().hold_transfers = true;
    const LoopCommand& task = bench.write(host, 0);
    settle();
    ASSERT_TRUE(bench.target.map({}).has_value());
    ASSERT_TRUE(bench.target.map({{"a", lun}}).has_value());
    EXPECT_EQ(manage(host, TaskFunction::kQueryTaskSet, lun), TmfResponse::kFunctionSucceeded);
    EXPECT_EQ(manage(host, TaskFunction::kAbortTaskSet, lun), TmfResponse::kFunctionComplete);
    EXPECT_TRUE(task.reply.dropped);
    EXPECT_EQ(manage(host, TaskFunction::kQueryTaskSet, lun), TmfResponse::kFunctionComplete);
    host.port().hold_transfers = false;
    settle();
  }
  EXPECT_EQ(bench.medium_a.taken, 0u);
}

// An ABORT TASK that finds nothing must not stand in the way of a reset (CVE-2024-26845).
TEST_F(Management, AbortOfAnUnknownTaskThenLogicalUnitReset) {
  LoopFunction& abort = host.manage(TaskFunction::kAbortTask, 0, nullptr);
  LoopFunction& reset = host.manage(TaskFunction::kLogicalUnitReset, 0);
  settle();
  EXPECT_EQ(abort.response, TmfResponse::kTaskDoesNotExist);
  EXPECT_EQ(reset.response, TmfResponse::kFunctionComplete);
}

TEST_F(Management, AbortOfACommandAtHomeWaitsForItToComeBack) {
  const LoopCommand& task = host.send({.cdb = home_async()});
  settle();
  const LoopFunction& abort = start(host, TaskFunction::kAbortTask, 0, &task);
  EXPECT_FALSE(abort.response.has_value());
  home_done(*bench.log_a.at_home.at(0));
  settle();
  EXPECT_TRUE(task.reply.dropped);
  EXPECT_EQ(abort.response, TmfResponse::kFunctionComplete);
}

TEST_F(Management, AbortTaskSetEndsTheCommandsOfItsNexusOnly) {
  host.port().hold_transfers = true;
  const LoopCommand& mine = bench.read(host, 0);
  const LoopCommand& elsewhere = host.send({.cdb = read_10(0, 1), .lun = 1, .in = 512});
  const LoopCommand& theirs = bench.read(other, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kAbortTaskSet), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(mine.reply.dropped);
  EXPECT_FALSE(theirs.reply.over || elsewhere.reply.over);
  host.port().hold_transfers = false;
  settle();
  EXPECT_TRUE(theirs.reply.good() && elsewhere.reply.good());
  EXPECT_TRUE(ready(host) && ready(other));
}

TEST_F(Management, ClearTaskSetTellsTheOthersByUnitAttention) {
  host.port().hold_transfers = true;
  LoopNexus& idle = bench.login("idle");
  const LoopCommand& mine = bench.read(host, 0);
  const LoopCommand& theirs = bench.read(other, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kClearTaskSet), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(mine.reply.dropped && theirs.reply.dropped);
  EXPECT_TRUE(bench.target.run(other, {.cdb = test_unit_ready()}).check(kCommandsClearedByAnotherInitiator));
  EXPECT_TRUE(ready(other) && ready(host) && ready(idle));
}

TEST_F(Management, ClearTaskSetTellsTheOthersByTaskAbortedWhenTasIsSet) {
  report_task_aborted();
  host.port().hold_transfers = true;
  const LoopCommand& mine = bench.read(host, 0);
  const LoopCommand& theirs = bench.read(other, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kClearTaskSet), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(mine.reply.dropped);
  EXPECT_EQ(theirs.reply.status, Status::kTaskAborted);
  EXPECT_FALSE(theirs.reply.dropped);
  EXPECT_TRUE(ready(other));
}

TEST_F(Management, LogicalUnitResetEndsAllResetsTheServerAndTellsEverybody) {
  host.port().hold_transfers = true;
  const LoopCommand& mine = bench.read(host, 0);
  const LoopCommand& theirs = bench.read(other, 0, TaskAttribute::kOrdered);
  settle();
  bench.log_a.events.clear();
  EXPECT_EQ(manage(host, TaskFunction::kLogicalUnitReset), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(mine.reply.dropped && theirs.reply.dropped);
  EXPECT_EQ(bench.log_a.events, (std::vector<std::string>{"reset 1"}));
  host.port().hold_transfers = false;
  for (LoopNexus* nexus : {&host, &other}) {
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = test_unit_ready()}).check(kBusDeviceResetFunctionOccurred));
    EXPECT_TRUE(ready(*nexus));
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = test_unit_ready(), .lun = 1}).good());
  }
}

TEST_F(Management, TwoLogicalUnitResetsAtOnceAreBothTrue) {
  bench.medium_a.hold = true;
  const LoopCommand& mine = bench.write(host, 0);
  const LoopCommand& theirs = bench.write(other, 0);
  settle();
  const LoopFunction& first = start(host, TaskFunction::kLogicalUnitReset);
  const LoopFunction& second = start(other, TaskFunction::kLogicalUnitReset);
  EXPECT_FALSE(first.response.has_value() || second.response.has_value());
  let_medium_go();
  EXPECT_EQ(first.response, TmfResponse::kFunctionComplete);
  EXPECT_EQ(second.response, TmfResponse::kFunctionComplete);
  EXPECT_TRUE(mine.reply.dropped && theirs.reply.dropped);
}

TEST_F(Management, NewerCommandsWaitUntilTheResetIsOver) {
  bench.medium_a.hold = true;
  bench.write(host, 0);
  settle();
  const LoopFunction& reset = start(host, TaskFunction::kLogicalUnitReset);
  const LoopCommand& newer = other.send({.cdb = test_unit_ready()});
  const LoopCommand& elsewhere = other.send({.cdb = test_unit_ready(), .lun = 1});
  settle();
  EXPECT_FALSE(newer.reply.over);
  EXPECT_TRUE(elsewhere.reply.good());
  let_medium_go();
  EXPECT_EQ(reset.response, TmfResponse::kFunctionComplete);
  EXPECT_TRUE(newer.reply.check(kBusDeviceResetFunctionOccurred));
}

TEST_F(Management, TargetResetReachesAllUnitsOfTheNexus) {
  bench.log_a.events.clear();
  bench.log_b.events.clear();
  EXPECT_EQ(manage(host, TaskFunction::kTargetReset), TmfResponse::kFunctionComplete);
  EXPECT_EQ(bench.log_a.events, (std::vector<std::string>{"reset 2"}));
  EXPECT_EQ(bench.log_b.events, (std::vector<std::string>{"reset 2"}));
  for (const std::uint32_t lun : {0u, 1u}) {
    EXPECT_TRUE(bench.target.run(other, {.cdb = test_unit_ready(), .lun = lun}).check(kBusDeviceResetFunctionOccurred));
  }
}

TEST_F(Management, NexusResetEndsItsCommandsAndWhatItHeld) {
  host.port().hold_transfers = true;
  const LoopCommand& mine = bench.read(host, 0);
  const LoopCommand& without_unit = host.send({.cdb = inquiry(), .lun = 9, .in = 36});
  const LoopCommand& theirs = bench.read(other, 0);
  settle();
  bench.log_a.events.clear();
  EXPECT_EQ(manage(host, TaskFunction::kITNexusReset), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(mine.reply.dropped && without_unit.reply.dropped);
  EXPECT_FALSE(theirs.reply.over);
  EXPECT_EQ(bench.log_a.events, (std::vector<std::string>{"lost iqn.2026-01.test:host"}));
  host.port().hold_transfers = false;
  settle();
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).check(kITNexusLossOccurred));
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready(), .lun = 1}).check(kITNexusLossOccurred));
  EXPECT_TRUE(ready(host) && ready(other));
}

TEST_F(Management, QueriesTellWhatIsThere) {
  const LoopCommand& over = bench.read(host, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kQueryTask, 0, &over), TmfResponse::kFunctionComplete);
  EXPECT_EQ(manage(host, TaskFunction::kQueryTaskSet), TmfResponse::kFunctionComplete);
  host.port().hold_transfers = true;
  const LoopCommand& task = bench.read(host, 0);
  settle();
  EXPECT_EQ(manage(host, TaskFunction::kQueryTask, 0, &task), TmfResponse::kFunctionSucceeded);
  EXPECT_EQ(manage(host, TaskFunction::kQueryTaskSet), TmfResponse::kFunctionSucceeded);
  EXPECT_EQ(manage(other, TaskFunction::kQueryTaskSet), TmfResponse::kFunctionComplete);
  EXPECT_EQ(manage(host, TaskFunction::kQueryTaskSet, 1), TmfResponse::kFunctionComplete);
}

TEST_F(Management, QueryAsynchronousEventSeesUnitAttentions) {
  EXPECT_EQ(manage(host, TaskFunction::kQueryAsynchronousEvent), TmfResponse::kFunctionComplete);
  manage(other, TaskFunction::kLogicalUnitReset);
  EXPECT_EQ(manage(host, TaskFunction::kQueryAsynchronousEvent), TmfResponse::kFunctionSucceeded);
  EXPECT_EQ(manage(host, TaskFunction::kQueryAsynchronousEvent), TmfResponse::kFunctionSucceeded);  // leaves it
}

TEST_F(Management, ClearAcaIsNotSupported) {
  EXPECT_EQ(manage(host, TaskFunction::kClearAca), TmfResponse::kNotSupported);
}

TEST_F(Management, LostNexusIsQuietWhenAllItsCommandsAreBack) {
  bench.medium_a.hold = true;
  host.port().hold_transfers = true;
  const LoopCommand& at_medium = bench.write(other, 0);
  settle();
  host.port().answer_one();  // its data; now the medium has it
  const LoopCommand& transfer = bench.write(other, 1);
  const LoopCommand& waiting = bench.read(other, 0, TaskAttribute::kOrdered);
  settle();
  other.lose();
  settle();
  EXPECT_TRUE(transfer.reply.dropped && waiting.reply.dropped);
  EXPECT_FALSE(at_medium.reply.over || other.quiet());
  let_medium_go();
  EXPECT_TRUE(at_medium.reply.dropped);
  EXPECT_TRUE(other.quiet());
  const std::string lost = "lost iqn.2026-01.test:other";
  for (const TestLog* log : {&bench.log_a, &bench.log_b}) {
    EXPECT_EQ(std::count(log->events.begin(), log->events.end(), lost), 1);
  }
  host.port().hold_transfers = false;
}

TEST_F(Management, FunctionsOfALostNexusAreAnsweredAtOnce) {
  bench.medium_a.hold = true;
  bench.write(host, 0);
  settle();
  const LoopFunction& reset = start(other, TaskFunction::kLogicalUnitReset);
  other.lose();
  settle();
  EXPECT_EQ(reset.response, TmfResponse::kFunctionRejected);
  EXPECT_TRUE(other.quiet());
  let_medium_go();
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).check(kBusDeviceResetFunctionOccurred));
}

TEST_F(Management, NothingIsSentToANexusThatIsLostEvenWithTas) {
  report_task_aborted();
  bench.medium_a.hold = true;
  const LoopCommand& theirs = bench.write(other, 0);
  settle();
  const LoopFunction& clear = start(host, TaskFunction::kClearTaskSet);
  other.lose();  // after its command was marked to end with TASK ABORTED
  settle();
  let_medium_go();
  EXPECT_TRUE(theirs.reply.dropped);
  EXPECT_EQ(clear.response, TmfResponse::kFunctionComplete);
}

TEST_F(Management, MediumThatDoesNotAnswerTakesTheUnitOffline) {
  const ExpectLog expect("a: offline, the backstore has not answered within the limit");
  bench.medium_a.hold = true;
  const LoopCommand& stuck = bench.write(host, 0);
  settle();
  for (int i = 0; i < 6; ++i) bench.target.advance(seconds(15));
  EXPECT_FALSE(stuck.reply.over);
  EXPECT_TRUE(bench.target.run(other, {.cdb = read_10(0, 1), .in = 512}).check(kManualInterventionRequired));
  EXPECT_TRUE(bench.target.run(other, {.cdb = inquiry(), .in = 36}).good());
  EXPECT_TRUE(bench.target.run(other, {.cdb = test_unit_ready(), .lun = 1}).good());
  let_medium_go();
  EXPECT_TRUE(stuck.reply.good());  // its answer, late
  EXPECT_EQ(manage(other, TaskFunction::kLogicalUnitReset), TmfResponse::kFunctionComplete);
  bench.target.clear_attentions(other);
  EXPECT_TRUE(bench.target.run(other, {.cdb = read_10(0, 1), .in = 512}).good());
}

TEST_F(Management, FunctionPastItsLimitIsRejectedAndHoldsNobodyBack) {
  bench.medium_a.hold = true;
  const LoopCommand& stuck = bench.write(host, 0);
  settle();
  bench.log_a.events.clear();
  const LoopFunction& reset = start(host, TaskFunction::kLogicalUnitReset);
  const LoopCommand& newer = other.send({.cdb = inquiry(), .in = 36});
  bench.target.advance(seconds(29));
  EXPECT_FALSE(reset.response.has_value() || newer.reply.over);
  bench.target.advance(seconds(2));
  EXPECT_EQ(reset.response, TmfResponse::kFunctionRejected);
  EXPECT_TRUE(newer.reply.good());
  let_medium_go();
  EXPECT_TRUE(stuck.reply.dropped);
  EXPECT_TRUE(bench.log_a.events.empty());  // not reset behind everybody's back
}

TEST_F(Management, PortThatDoesNotAnswerIsAskedToEndTheNexusOnce) {
  const ExpectLog expect("the port has not answered within the limit");
  host.port().hold_transfers = true;
  bench.read(host, 0);
  bench.read(host, 1);
  settle();
  for (int i = 0; i < 6; ++i) bench.target.advance(seconds(15));
  EXPECT_TRUE(host.end_asked());
  EXPECT_FALSE(other.end_asked());
  EXPECT_EQ(expect.count(), 1);
  host.lose();
  settle();
  EXPECT_TRUE(host.quiet());
}

TEST_F(Management, AbortCommandsSparesTheAskerAndDoesNotWaitForCommandsAtHome) {
  bench.medium_a.hold = true;
  const LoopCommand& at_medium = bench.write(other, 0);
  const LoopCommand& at_home = other.send({.cdb = home_async()});
  const LoopCommand& asker = host.send({.cdb = home_async()});
  settle();
  bool done = false;
  bench.target.reactor().post_function(
      [&] { abort_commands(*bench.log_a.lu, nullptr, &asker.command, true, [&] { done = true; }); });
  settle();
  EXPECT_FALSE(done);
  let_medium_go();
  EXPECT_TRUE(done);
  EXPECT_TRUE(at_medium.reply.dropped);
  EXPECT_FALSE(at_home.reply.over || asker.reply.over);
  for (Command* command : bench.log_a.at_home) home_done(*command);
  settle();
  EXPECT_TRUE(at_home.reply.dropped);
  EXPECT_TRUE(asker.reply.good());
}

struct ManagementOfTwoReactors : Management {
  ManagementOfTwoReactors() : Management(2) {}
  LoopNexus& far = bench.login("far", 1);
};

TEST_F(ManagementOfTwoReactors, ResetWaitsForTheOtherReactor) {
  bench.medium_a.hold = true;
  const LoopCommand& theirs = bench.write(far, 0);
  settle();
  const LoopFunction& reset = start(host, TaskFunction::kLogicalUnitReset);
  EXPECT_FALSE(reset.response.has_value());
  let_medium_go();
  EXPECT_TRUE(theirs.reply.dropped);
  EXPECT_EQ(reset.response, TmfResponse::kFunctionComplete);
  EXPECT_TRUE(bench.target.run(far, {.cdb = test_unit_ready()}).check(kBusDeviceResetFunctionOccurred));
}

TEST_F(ManagementOfTwoReactors, ResetsFromBothReactorsAtOnceAreBothTrue) {
  bench.medium_a.hold = true;
  bench.write(far, 0);
  bench.write(host, 0);
  settle();
  LoopFunction& first = host.manage(TaskFunction::kLogicalUnitReset);
  LoopFunction& second = far.manage(TaskFunction::kLogicalUnitReset);
  settle();
  EXPECT_FALSE(first.response.has_value() || second.response.has_value());
  let_medium_go();
  EXPECT_EQ(first.response, TmfResponse::kFunctionComplete);
  EXPECT_EQ(second.response, TmfResponse::kFunctionComplete);
}

}  // namespace
}  // namespace scsi::engine_test
