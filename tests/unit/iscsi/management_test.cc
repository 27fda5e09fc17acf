// Unit tests of task management: who is asked, in which order answers go out, what nobody waits for.
#include <gtest/gtest.h>

#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using pdu::RejectReason;
constexpr std::uint8_t kAbortTask = 1, kAbortTaskSet = 2, kLunReset = 5, kColdReset = 7, kReassign = 8, kQueryTask = 9;

struct ManagementTest : testing::Test {
  IscsiBench bench;
  Initiator host{bench, bench.connect()};
  FakeRouter& core() { return *bench.router; }
  void SetUp() override { host.must_log_in({{"InitialR2T", "No"}}); }
};

TEST_F(ManagementTest, FunctionsReachTheCoreAndItsAnswersTheInitiator) {
  const std::pair<std::uint8_t, scsi::TaskFunction> functions[] = {
      {1, scsi::TaskFunction::kAbortTask},        {2, scsi::TaskFunction::kAbortTaskSet},
      {3, scsi::TaskFunction::kClearAca},         {4, scsi::TaskFunction::kClearTaskSet},
      {5, scsi::TaskFunction::kLogicalUnitReset}, {6, scsi::TaskFunction::kTargetReset},
      {9, scsi::TaskFunction::kQueryTask},        {10, scsi::TaskFunction::kQueryTaskSet},
      {11, scsi::TaskFunction::kITNexusReset},    {12, scsi::TaskFunction::kQueryAsynchronousEvent}};
  const std::pair<scsi::TmfResponse, std::uint8_t> answers[] = {
      {scsi::TmfResponse::kFunctionComplete, 0},   {scsi::TmfResponse::kFunctionSucceeded, 7},
      {scsi::TmfResponse::kFunctionRejected, 255}, {scsi::TmfResponse::kIncorrectLun, 2},
      {scsi::TmfResponse::kTaskDoesNotExist, 1},   {scsi::TmfResponse::kNotSupported, 5}};
  host.read(1, 0);
  std::uint32_t tag = 100;
  for (const auto& [code, function] : functions) {
    for (const auto& [response, wire] : answers) {
      host.manage(code, ++tag, 1, 100);
      ASSERT_EQ(core().functions.size(), 1u) << int{code};
      EXPECT_EQ(core().functions[0]->function, function);
      EXPECT_EQ(core().functions[0]->tag, 1u);
      host.expect_nothing();
      core().answer(*core().functions[0], response);
      host.expect_management(tag, wire);
    }
  }
}

TEST_F(ManagementTest, FunctionsThatWeDoNotHave) {
  host.manage(kReassign, 10, 1);
  host.expect_management(10, 4);
  for (const int function : {0, 13, 127}) {
    host.manage(static_cast<std::uint8_t>(function), 11);
    host.expect_management(11, 5);
  }
  EXPECT_TRUE(core().functions.empty());
}

TEST_F(ManagementTest, UnknownTaskOutsideTheWindowDoesNotExist) {
  host.manage(kAbortTask, 10, 55, 99);
  host.expect_management(10, 1);
  host.manage(kAbortTask, 11, 55, host.cmd_sn);  // not before the function itself
  host.expect_management(11, 1);
}

TEST_F(ManagementTest, TaskThatHasNotArrivedCountsAsReceived) {
  const pdu::ScsiCommand lost = host.command(1);
  host.read(2, 0);
  EXPECT_TRUE(core().commands.empty());
  host.manage(kAbortTask, 10, 1, 100);
  host.expect_management(10, 0);
  ASSERT_EQ(core().commands.size(), 1u);
  EXPECT_EQ(core().commands[0]->tag, 2u);
  host.connection().deliver(lost);  // late: its number has been used
  EXPECT_EQ(core().commands.size(), 1u);
  host.expect_nothing();
}

// RFC 7143 11.6.1 b: the first answer may have been lost, and what is sent again of the command is ignored.
TEST_F(ManagementTest, TaskThatCountsAsReceivedMayBeAbortedAgain) {
  const pdu::ScsiCommand missing = host.command(1);
  const pdu::ScsiCommand lost = host.command(2);
  host.read(3, 0);
  for (const std::uint32_t tag : {10u, 11u}) {
    host.manage(kAbortTask, tag, 2, 101);
    host.expect_management(tag, 0);
    host.connection().deliver(lost);
  }
  host.connection().deliver(missing);
  ASSERT_EQ(core().commands.size(), 2u);
  EXPECT_EQ(core().commands[0]->tag, 1u);
  EXPECT_EQ(core().commands[1]->tag, 3u);
}

TEST_F(ManagementTest, TaskThatWaitsForItsTurnIsAbortedWithoutTheCore) {
  const pdu::ScsiCommand missing = host.command(1);
  host.read(2, 0);
  host.read(3, 0);
  host.manage(kAbortTask, 10, 2, 101);
  host.expect_management(10, 0);
  EXPECT_EQ(host.connection().tasks(), 1u);
  host.connection().deliver(missing);
  ASSERT_EQ(core().commands.size(), 2u);
  EXPECT_EQ(core().commands[0]->tag, 1u);
  EXPECT_EQ(core().commands[1]->tag, 3u);
}

TEST_F(ManagementTest, TaskWhoseResponseWaitsForDataIsAbortedWithoutTheCore) {
  host.write(1, 4096, {}, true);
  core().complete(core().command(1));
  host.manage(kAbortTask, 10, 1, 100);
  host.expect_management(10, 0);
  EXPECT_EQ(host.connection().tasks(), 0u);
  host.expect_nothing();
}

TEST_F(ManagementTest, TaskSetFunctionsEndResponsesThatWaitForData) {
  for (const std::uint8_t function : {kAbortTaskSet, std::uint8_t{4}, kLunReset, std::uint8_t{6}}) {
    host.write(function, 4096, {}, true);
    core().complete(core().command(function));
    host.manage(function, 1000u + function);
    ASSERT_EQ(core().functions.size(), 1u);
    core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
    EXPECT_EQ(host.connection().tasks(), 0u);
    host.expect_management(1000u + function, 0);
    host.expect_nothing();
  }
}

TEST_F(ManagementTest, FunctionThatFailsEndsNoTask) {
  host.write(1, 4096, {}, true);
  core().complete(core().command(1), scsi::Status::kCheckCondition);
  host.manage(kAbortTaskSet, 10);
  core().answer(*core().functions[0], scsi::TmfResponse::kIncorrectLun);
  host.expect_management(10, 2);
  host.connection().drain(1);
  host.expect_status(1, scsi::Status::kCheckCondition);
}

TEST_F(ManagementTest, TaskThatCameAfterTheFunctionStays) {
  host.manage(kAbortTaskSet, 10);
  host.write(1, 4096, {}, true);
  core().complete(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(10, 0);
  host.connection().drain(1);
  host.expect_status(1);
}

TEST_F(ManagementTest, TaskThatTheCoreEndedWhileTheFunctionRanIsEndedToo) {
  host.write(1, 4096, {}, true);
  host.manage(kAbortTaskSet, 10);
  core().complete(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(10, 0);
  EXPECT_EQ(host.connection().tasks(), 0u);
  host.expect_nothing();
}

TEST_F(ManagementTest, TasksOfOtherUnitsStay) {
  pdu::ScsiCommand write = host.command(1);
  write.flags = 0x21;
  write.expected_data_transfer_length = 512;
  write.lun[1] = 3;
  host.connection().deliver(write);
  core().complete(core().command(1));
  host.manage(kLunReset, 10);  // LUN 0
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(10, 0);
  host.connection().drain(1);
  host.expect_status(1);
}

TEST_F(ManagementTest, NothingOfAnAbortedTaskFollowsTheAnswer) {
  host.read(1, 512);
  std::vector<std::byte> data = pattern(512);
  host.connection().hold_answers = true;
  core().send(core().command(1), data, false);
  host.manage(kAbortTask, 10, 1, 100);
  host.connection().hold_answers = false;
  host.nop(5, {}, true);
  host.expect(Opcode::kDataIn);
  host.expect(Opcode::kNopIn);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(10, 0);
  bench.settle();
  host.expect_nothing();
}

TEST_F(ManagementTest, ImmediateTaskSetFunctionWaitsForTheCommandsBeforeIt) {
  const pdu::ScsiCommand late = host.command(1);
  host.manage(kLunReset, 10);
  EXPECT_TRUE(core().functions.empty());
  host.connection().deliver(late);
  ASSERT_EQ(core().functions.size(), 1u);
  EXPECT_EQ(core().commands.size(), 1u);
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(10, 0);
}

TEST_F(ManagementTest, NumberedFunctionKeepsItsPlaceAndItsSlot) {
  const pdu::ScsiCommand late = host.command(1);
  host.manage(kQueryTask, 10, 1, 100, false);
  EXPECT_TRUE(core().functions.empty());
  host.connection().deliver(late);
  ASSERT_EQ(core().functions.size(), 1u);
  const std::uint32_t before = host.max_cmd_sn;
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionSucceeded);
  host.expect_management(10, 7);
  EXPECT_EQ(host.max_cmd_sn, before + 1);
}

TEST_F(ManagementTest, FloodOfFunctionsIsRejectedBeyondTheLimit) {
  for (std::uint32_t tag = 0; tag < 8; ++tag) host.manage(kLunReset, 100 + tag);
  for (std::uint32_t tag = 0; tag < 1000; ++tag) {
    host.manage(kLunReset, 200 + tag);
    host.expect_reject(RejectReason::kTooManyImmediateCommands);
  }
  EXPECT_EQ(core().functions.size(), 8u);
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(100, 0);
  host.manage(kLunReset, 9999);
  EXPECT_EQ(core().functions.size(), 8u);
}

TEST_F(ManagementTest, WrongRequestsAreRejected) {
  pdu::TaskManagementRequest request;
  request.opcode = 0x42;
  request.flags = 0x05;  // no F bit
  request.initiator_task_tag = 10;
  request.cmd_sn = host.cmd_sn;
  host.connection().deliver(request);
  host.expect_reject(RejectReason::kInvalidPduField);
  request.flags = 0x85;
  host.connection().deliver(request, pattern(4));
  host.expect_reject(RejectReason::kInvalidPduField);
  host.read(7, 0);
  host.manage(kLunReset, 7);
  host.expect_reject(RejectReason::kTaskInProgress);
}

TEST_F(ManagementTest, ColdResetEndsAllSessionsOfTheTarget) {
  Initiator other(bench, bench.connect());
  other.name = "iqn.2026-01.test:other";
  other.must_log_in();
  host.manage(kColdReset, 10);
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  host.expect_management(10, 0);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
  EXPECT_EQ(core().lost.size(), 2u);
}

TEST_F(ManagementTest, NothingIsServedAfterTheAnswerToAColdReset) {
  host.manage(kColdReset, 10);
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  const std::size_t started = core().commands.size();
  host.read(1, 0);
  EXPECT_EQ(core().commands.size(), started);
  host.expect_management(10, 0);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(ManagementTest, FunctionInHandWhenTheConnectionDiesIsForgotten) {
  host.manage(kLunReset, 10);
  static_cast<void>(host.command(1));
  host.manage(kAbortTaskSet, 11);  // waits
  host.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_TRUE(core().functions.empty());
  EXPECT_TRUE(bench.sessions().empty());
}

}  // namespace
}  // namespace iscsi
