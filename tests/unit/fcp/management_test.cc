// Task management flags and ABTS, at each step of a command's life.
#include "hal/port/fc_frame.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

using hal::fc::FcpCmnd;
using hal::fc::FcpRspInfo;

const test_support::FcReply& manage(FcTarget& target, FcInitiator& host, std::uint8_t flags, std::uint32_t lun = 0) {
  return target.run(host, {.lun = lun, .task_management_flags = flags});
}

TEST(FcpManagement, EachFunctionHasItsCode) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  for (const std::uint8_t flag :
       {FcpCmnd::kAbortTaskSet, FcpCmnd::kClearTaskSet, FcpCmnd::kLogicalUnitReset, FcpCmnd::kTargetReset}) {
    const auto& reply = manage(target, host, flag);
    EXPECT_TRUE(reply.has_code);
    EXPECT_EQ(reply.code, FcpRspInfo::kTaskManagementComplete) << int{flag};
  }
  EXPECT_EQ(manage(target, host, FcpCmnd::kClearAca).code, FcpRspInfo::kTaskManagementRejected);
  EXPECT_EQ(manage(target, host, FcpCmnd::kTerminateTask).code, FcpRspInfo::kTaskManagementRejected);
  EXPECT_EQ(manage(target, host, FcpCmnd::kLogicalUnitReset, 9).code, FcpRspInfo::kIncorrectLun);
  EXPECT_EQ(target.counters().task_management, 7u);
}

TEST(FcpManagement, LogicalUnitResetEndsCommandsAndIsToldToAll) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  FcInitiator& b = target.log_in(kHostB, 0x010300);
  target.clear_attentions(a);
  target.clear_attentions(b);
  target.port.queue().hold_transfers = true;
  FcCommand& read = a.send(read10(0, 1));
  target.settle();
  EXPECT_EQ(manage(target, a, FcpCmnd::kLogicalUnitReset).code, FcpRspInfo::kTaskManagementComplete);
  EXPECT_TRUE(read.reply.over && read.reply.dropped);
  target.port.queue().hold_transfers = false;
  EXPECT_TRUE(target.run(b, {.cdb = {0, 0, 0, 0, 0, 0}}).check(6, 0x29, 0x03));
}

// Where an exchange can be when the ABTS comes.
enum class When { kNotSeen, kWaitsForTaskSet, kDataOut, kDataOutLate, kDataIn, kDataInLate, kResponseOut, kOver };

void abort_when(When when) {
  SCOPED_TRACE(static_cast<int>(when));
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  test_support::FakeFcQueue& queue = target.port.queue();
  const bool data = when != When::kResponseOut && when != When::kOver;
  queue.hold_transfers = data;
  queue.late_terminate = when == When::kDataOutLate || when == When::kDataInLate;
  queue.hold_ends = when == When::kResponseOut;
  const bool out = when == When::kDataOut || when == When::kDataOutLate;
  if (when == When::kWaitsForTaskSet) {
    host.send(read10(0, 1));
  }
  FcRequest request = out ? write10(0, 1, 3) : read10(0, 1);
  if (when == When::kResponseOut) request = {.cdb = {0, 0, 0, 0, 0, 0}};
  if (when == When::kWaitsForTaskSet) request.attribute = 2;
  FcCommand& command = host.send(request);
  if (when != When::kNotSeen) target.settle();
  host.abort(command);
  target.settle();
  queue.hold_ends = false;
  target.settle();
  EXPECT_TRUE(command.reply.over);
  if (when != When::kOver) {
    EXPECT_TRUE(command.reply.acknowledged);
  }
  // Too late for data that carries its status, and for what was over: the initiator sees the end of it all the same.
  const bool answered = when == When::kResponseOut || when == When::kOver || when == When::kDataInLate;
  EXPECT_EQ(command.reply.dropped, !answered);
  queue.hold_transfers = false;
  target.settle();
  EXPECT_TRUE(target.run(host, read10(0, 1)).good());
  EXPECT_EQ(target.sessions().at(0).in_flight, 0u);
}

TEST(FcpAbort, AtEachStepOfACommand) {
  for (const When when : {When::kNotSeen, When::kWaitsForTaskSet, When::kDataOut, When::kDataOutLate, When::kDataIn,
                          When::kDataInLate, When::kResponseOut, When::kOver}) {
    abort_when(when);
  }
}

TEST(FcpAbort, TwiceIsOnce) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = target.port.queue().deaf_data = true;
  FcCommand& command = host.send(read10(0, 1));
  target.settle();
  host.abort(command);
  host.abort(command);
  target.settle();
  EXPECT_FALSE(command.reply.over);
  target.port.queue().deaf_data = false;
  target.settle();
  EXPECT_TRUE(command.reply.over && command.reply.dropped);
  EXPECT_EQ(target.counters().aborts, 1u);
}

TEST(FcpAbort, OfATaskManagementFunctionThatWaits) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = target.port.queue().deaf_data = true;
  host.send(read10(0, 1));
  target.settle();
  FcCommand& reset = host.send({.task_management_flags = FcpCmnd::kLogicalUnitReset});
  target.settle();
  EXPECT_FALSE(reset.reply.over);  // the read does not end
  host.abort(reset);
  target.settle();
  EXPECT_TRUE(reset.reply.over && reset.reply.dropped && reset.reply.acknowledged);
  target.port.queue().deaf_data = false;
  target.settle();
  EXPECT_EQ(target.sessions().at(0).in_flight, 0u);
}

TEST(FcpManagement, ManyThatWaitAreBounded) {
  FcTarget target({.exchanges = 128});
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = target.port.queue().deaf_data = true;
  host.send(read10(0, 1));
  target.settle();
  std::size_t failed = 0;
  for (int i = 0; i < 100; ++i) host.send({.task_management_flags = FcpCmnd::kLogicalUnitReset});
  target.settle();
  for (const auto& command : host.commands()) {
    failed += command->reply.over && command->reply.code == FcpRspInfo::kTaskManagementFailed ? 1 : 0;
  }
  EXPECT_EQ(failed, 36u);
  target.port.queue().hold_transfers = target.port.queue().deaf_data = false;
  target.settle();
}

}  // namespace
}  // namespace fcp_test
