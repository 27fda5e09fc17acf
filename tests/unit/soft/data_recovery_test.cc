// Unit tests of write data that is lost, at error recovery level 1 (RFC 7143 7.1.4.2, 7.8, 7.9).
#include <algorithm>

#include "tests/unit/soft/connection_bench.h"

namespace soft::tcp {
namespace {

using std::chrono::seconds;

struct DataRecoveryTest : ConnectionTest {
  DataRecoveryTest() { level = 1; }
  // The R2T that was sent last, which must be the only PDU.
  hal::iscsi::R2t r2t() {
    const auto pdus = from_target();
    EXPECT_EQ(pdus.size(), 1u);
    if (pdus.size() != 1) return {};
    EXPECT_EQ(hal::iscsi::OpcodeBits::get(pdus[0].header.opcode), hal::iscsi::Opcode::kR2t);
    return pdus[0].as<hal::iscsi::R2t>();
  }
  hal::iscsi::R2t write(std::uint32_t length) {
    get_on_begin = length;
    command(length, 0);
    return r2t();
  }
  void pass(base::Duration time) {
    for (; time > base::Duration{}; time -= seconds(1)) {
      clock.advance(seconds(1));
      rounds();
    }
  }
  void done() {
    EXPECT_EQ(std::count(events.begin(), events.end(), "data 0"), 1);
    EXPECT_EQ(std::count(events.begin(), events.end(), "data 2"), 0);
    EXPECT_TRUE(connection->drained(task));
    connection->end_task(task);
  }
};

TEST_F(DataRecoveryTest, GapInDataSnIsAskedForAgainFromTheFirstLostByteOnceTheSequenceIsThrough) {
  const auto first = write(6000);
  EXPECT_EQ(first.desired_data_transfer_length, 4096u);
  data_out(first.target_transfer_tag, 0, 0, 1000, false);
  data_out(first.target_transfer_tag, 2, 2000, 1000, false);  // 1 is lost
  EXPECT_TRUE(from_target().empty()) << "asked for before F";
  data_out(first.target_transfer_tag, 3, 3000, 1096, true);
  const auto again = r2t();
  EXPECT_EQ(again.r2t_sn, 1u) << "a recovery R2T takes the next R2TSN";
  EXPECT_EQ(again.buffer_offset, 1000u);
  EXPECT_EQ(again.desired_data_transfer_length, 3096u) << "part of what the first has asked for, and no more";
  EXPECT_NE(again.target_transfer_tag, first.target_transfer_tag);
  data_out(again.target_transfer_tag, 0, 1000, 3096, true);
  const auto next = r2t();
  EXPECT_EQ(next.buffer_offset, 4096u);
  EXPECT_EQ(next.r2t_sn, 2u);
  data_out(next.target_transfer_tag, 0, 4096, 1904, true);
  expect_pattern(6000);
  EXPECT_EQ(std::count(events.begin(), events.end(), "reject 9"), 0);
  done();
}

TEST_F(DataRecoveryTest, LostLastPduIsAskedForAgainWhenNothingComesForAWhile) {
  const auto first = write(4096);
  data_out(first.target_transfer_tag, 0, 0, 3000, false);
  pass(seconds(2));
  EXPECT_TRUE(from_target().empty());
  pass(seconds(5));
  const auto again = r2t();
  EXPECT_EQ(again.buffer_offset, 3000u);
  EXPECT_EQ(again.desired_data_transfer_length, 1096u);
  data_out(first.target_transfer_tag, 1, 3000, 1096, true);  // late, not wrong: dropped
  EXPECT_TRUE(from_target().empty());
  data_out(again.target_transfer_tag, 0, 3000, 1096, true);
  expect_pattern(4096);
  done();
}

TEST_F(DataRecoveryTest, LostUnsolicitedDataIsAskedForByR2t) {
  get_on_begin = 4000;
  command(4000, 0, false);
  data_out(kReservedTag, 1, 1000, 1048, true);  // 0 is lost
  const auto again = r2t();
  EXPECT_EQ(again.buffer_offset, 0u);
  EXPECT_EQ(again.desired_data_transfer_length, 4000u);
  data_out(again.target_transfer_tag, 0, 0, 4000, true);
  expect_pattern(4000);
  done();
}

TEST_F(DataRecoveryTest, LostUnsolicitedDataThatNobodyWantsIsNotAskedFor) {
  command(4000, 0, false);
  data_out(kReservedTag, 1, 1000, 1048, true);
  EXPECT_TRUE(from_target().empty());
  EXPECT_EQ(events.back(), "drained");
  connection->end_task(task);
}

TEST_F(DataRecoveryTest, InitiatorThatNeverSendsLosesItsConnection) {
  write(4096);
  pass(seconds(5 * 6));
  EXPECT_GE(from_target().size(), 4u) << "asked again and again";
  pass(seconds(60));
  EXPECT_EQ(events.back(), "end: write data did not come");
  connection->end_task(task);
}

TEST_F(DataRecoveryTest, ProgressBetweenLossesIsNoReasonToGiveUp) {
  auto asked = write(4096);
  std::uint32_t at = 0;
  for (int i = 0; i < 20; ++i, at += 100) {
    data_out(asked.target_transfer_tag, 0, at, 100, false);
    data_out(asked.target_transfer_tag, 2, at + 200, 4096 - at - 200, true);
    asked = r2t();
    ASSERT_EQ(asked.buffer_offset, at + 100);
  }
  data_out(asked.target_transfer_tag, 0, at, 4096 - at, true);
  expect_pattern(4096);
  done();
}

TEST_F(DataRecoveryTest, DataThatNoLossExplainsIsRefusedAsEver) {
  const auto wrong = [&](std::uint32_t sn, std::uint32_t offset, std::size_t size, bool final) {
    events.clear();
    const auto asked = write(4096);
    data_out(asked.target_transfer_tag, sn, offset, size, final);
    EXPECT_EQ(events.at(1), "reject 9");
    EXPECT_EQ(events.at(2), "data 2");
    connection->end_task(task);
  };
  wrong(0, 4, 4092, true);     // a hole without a missing number
  wrong(1, 0, 4096, true);     // a missing number without a hole
  wrong(0, 0, 4096, false);    // F missing
  wrong(0, 0, 100, true);      // F too early
  wrong(1, 1000, 3100, true);  // past the end
}

TEST_F(DataRecoveryTest, OutstandingR2tIsSentAgainUntilItsDataComes) {
  const auto first = write(4096);
  stat_sn = 105;
  EXPECT_TRUE(connection->resend_r2ts(task, 0, 1));
  const auto again = r2t();
  EXPECT_EQ(again.stat_sn, 105u);
  EXPECT_EQ(again.r2t_sn, first.r2t_sn);
  EXPECT_EQ(again.target_transfer_tag, first.target_transfer_tag);
  EXPECT_EQ(again.desired_data_transfer_length, first.desired_data_transfer_length);
  EXPECT_FALSE(connection->resend_r2ts(task, 0, 2)) << "not sent yet";
  data_out(first.target_transfer_tag, 0, 0, 1000, false);
  EXPECT_FALSE(connection->resend_r2ts(task, 0, 1)) << "its data says that it has come";
  data_out(first.target_transfer_tag, 1, 1000, 3096, true);
  EXPECT_TRUE(from_target().empty());
  done();
}

TEST_F(DataRecoveryTest, BurstsOfDataInAskForAnAcknowledgementButForTheLast) {
  command(0, 0);
  rounds();
  task.lun[1] = 5;
  const hal::DmaSpan whole = segment.subspan(0, 8192);
  connection->put_data(task, {.segments = {&whole, 1}, .length = 8192, .ends_data = true});
  const auto pdus = from_target();
  ASSERT_EQ(pdus.size(), 8u);
  for (std::size_t i = 0; i < pdus.size(); ++i) {
    const auto& data = pdus[i].as<hal::iscsi::DataIn>();
    EXPECT_EQ(data.flags, i == 3 ? 0xc0 : i == 7 ? 0x80 : 0) << i;
    EXPECT_EQ(data.target_transfer_tag, i == 3 ? 77u : kReservedTag);
    EXPECT_EQ(data.lun[1], i == 3 ? 5 : 0);
  }
  done();
}

}  // namespace
}  // namespace soft::tcp
