// Commands: data both ways, status and sense, residuals, and what makes no sense.
#include "hal/port/fc_frame.h"
#include "tests/support/log_guard.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

using hal::fc::ExchangeResponse;
using hal::fc::FcpRspInfo;

TEST(FcpCommand, WritesAndReadsBack) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  ASSERT_TRUE(host.open());
  target.clear_attentions(host);
  EXPECT_TRUE(target.run(host, write10(8, 8, 0x5a)).good());
  const auto& reply = target.run(host, read10(8, 8));
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data, filled(4096, 0x5a));
  EXPECT_EQ(reply.residual_flags, 0);
  const auto sessions = target.sessions();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].read_bytes, 4096u);
  EXPECT_EQ(sessions[0].write_bytes, 4096u);
  EXPECT_EQ(sessions[0].in_flight, 0u);
  EXPECT_EQ(sessions[0].initiator.port_name, kHostA);
}

TEST(FcpCommand, LargeTransfersGoInPieces) {
  FcTarget target({.disk_bytes = std::size_t{4} << 20});
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  EXPECT_TRUE(target.run(host, write10(0, 4096, 0x77)).good());
  const auto& reply = target.run(host, read10(0, 4096));
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data, filled(std::size_t{4096} * kBlock, 0x77));
}

TEST(FcpCommand, SenseComesWithCheckCondition) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  EXPECT_TRUE(target.run(host, {.cdb = {0, 0, 0, 0, 0, 0}}).check(6, 0x29, 0x01));  // POWER ON OCCURRED
  target.clear_attentions(host);
  const auto& reply = target.run(host, read10(0x7fffff, 8));
  EXPECT_TRUE(reply.check(5, 0x21, 0));  // LOGICAL BLOCK ADDRESS OUT OF RANGE
  EXPECT_EQ(reply.residual_flags, ExchangeResponse::kUnder);
  EXPECT_EQ(reply.residual, 4096u);
}

TEST(FcpCommand, ResidualsUnderAndOver) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  FcRequest more = read10(0, 1);
  more.in = 4096;
  const auto& under = target.run(host, more);
  EXPECT_TRUE(under.good());
  EXPECT_EQ(under.residual_flags, ExchangeResponse::kUnder);
  EXPECT_EQ(under.residual, 4096u - kBlock);
  EXPECT_EQ(under.data.size(), kBlock);
  FcRequest less = read10(0, 8);
  less.in = kBlock;
  const auto& over = target.run(host, less);
  EXPECT_TRUE(over.good());
  EXPECT_EQ(over.residual_flags, ExchangeResponse::kOver);
  EXPECT_EQ(over.residual, 4096u - kBlock);
}

TEST(FcpCommand, NoLogicalUnitIsAnsweredByTheCore) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  FcRequest request = {.cdb = {0, 0, 0, 0, 0, 0}, .lun = 5};
  EXPECT_TRUE(target.run(host, request).check(5, 0x25, 0));
}

TEST(FcpCommand, LongCdbArrivesWhole) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  // READ(32): service action 0009h, group 0, LBA at 12, blocks at 28.
  FcRequest request{.cdb = std::vector<std::uint8_t>(32), .in = kBlock};
  request.cdb[0] = 0x7f;
  request.cdb[7] = 0x18;
  request.cdb[9] = 0x09;
  request.cdb[31] = 1;
  const auto& reply = target.run(host, request);
  EXPECT_TRUE(reply.good() || reply.check(5, 0x20, 0) || reply.check(5, 0x24, 0));
  EXPECT_FALSE(reply.has_code);
  request.cdb_length = 264;  // longer than any CDB
  ExpectLog expect("invalid fields");
  EXPECT_EQ(target.run(host, request).code, FcpRspInfo::kCommandFieldsInvalid);
}

TEST(FcpCommand, FieldsThatMakeNoSenseAreRefusedAndCounted) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  ExpectLog expect("invalid fields");
  FcRequest no_direction = write10(0, 1, 1);
  no_direction.writes = false;  // FCP_DL without WRDATA or RDDATA
  FcRequest attribute = read10(0, 1);
  attribute.attribute = 3;
  FcRequest odd = read10(0, 1);
  odd.cdb_length = 18;
  FcRequest two_functions = {.task_management_flags = 0x12};
  for (const FcRequest& request : {no_direction, attribute, odd, two_functions}) {
    const auto& reply = target.run(host, request);
    EXPECT_TRUE(reply.has_code);
    EXPECT_EQ(reply.code, FcpRspInfo::kCommandFieldsInvalid);
  }
  EXPECT_EQ(target.counters().invalid_commands, 4u);
  EXPECT_TRUE(target.run(host, read10(0, 1)).good());
}

TEST(FcpCommand, BothDirectionsAreRefusedByTheCore) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  FcRequest both = write10(0, 1, 1);
  both.reads = true;
  const auto& reply = target.run(host, both);
  EXPECT_EQ(reply.status, 2);
}

TEST(FcpCommand, AttributesReachTheTaskSet) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = true;
  FcCommand& first = host.send(read10(0, 1));
  FcRequest ordered = read10(1, 1);
  ordered.attribute = 2;
  FcCommand& second = host.send(ordered);
  FcRequest head = read10(2, 1);
  head.attribute = 1;
  FcCommand& third = host.send(head);
  target.settle();
  EXPECT_EQ(target.port.queue().transfers_out(), 2u);  // the ORDERED one waits for the first
  target.port.queue().hold_transfers = false;
  target.settle();
  EXPECT_TRUE(first.reply.good() && second.reply.good() && third.reply.good());
}

TEST(FcpCommand, AFailedTransferIsADataPhaseError) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = true;
  FcCommand& read = host.send(read10(0, 1));
  target.settle();
  target.port.queue().answer_one(hal::fc::DataStatus::kFailed);
  target.settle();
  EXPECT_TRUE(read.reply.check(0xb, 0x4b, 0));
}

TEST(FcpCommand, MoreCommandsThanExchangesWaitAtTheAdapter) {
  FcTarget target({.exchanges = 4});
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  for (std::uint32_t i = 0; i < 40; ++i) host.send(read10(i, 1));
  target.settle();
  for (const auto& command : host.commands()) EXPECT_TRUE(command->reply.over);
  EXPECT_TRUE(host.commands().back()->reply.good());
}

}  // namespace
}  // namespace fcp_test
