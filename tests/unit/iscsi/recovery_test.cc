// Unit tests of error recovery level 1 (RFC 7143 7.1.4, 7.8, 11.16): SNACK, acknowledgement, what is kept and for how
// long.
#include <gtest/gtest.h>

#include "fabrics/iscsi/recovery.h"
#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using pdu::RejectReason;
using std::chrono::seconds;

enum : std::uint8_t { kData = 0, kStatus = 1, kDataAck = 2, kRData = 3 };

struct RecoveryTest : testing::Test {
  IscsiBench bench;
  test_support::FakeConnection& connection = connect();
  Initiator host{bench, connection};
  std::vector<std::byte> medium = pattern(4096);
  FakeRouter& core() { return *bench.router; }
  test_support::FakeConnection& connect() {
    bench.config.targets[0].error_recovery_level = 1;
    EXPECT_TRUE(bench.apply());
    return bench.connect();
  }
  void log_in() {
    host.must_log_in({{"ErrorRecoveryLevel", "2"}, {"MaxRecvDataSegmentLength", "512"}, {"MaxBurstLength", "1024"}});
  }
  void snack(std::uint8_t type, std::uint32_t tag, std::uint32_t begin, std::uint32_t run,
             std::uint32_t ttt = pdu::kReservedTag, std::uint32_t exp_stat_sn = 0) {
    pdu::SnackRequest request;
    request.flags = static_cast<std::uint8_t>(0x80 | type);
    request.initiator_task_tag = tag;
    request.target_transfer_tag = ttt;
    request.exp_stat_sn = exp_stat_sn != 0 ? exp_stat_sn : acknowledged;
    request.beg_run = begin;
    request.run_length = run;
    connection.deliver(request);
  }
  // A read of so many PDUs of 512 bytes that the core has answered, and its response; nothing is acknowledged.
  pdu::ScsiResponse read(std::uint32_t tag, std::size_t pdus) {
    host.read(tag, static_cast<std::uint32_t>(512 * pdus));
    acknowledged = host.stat_sn;
    for (std::size_t i = 0; i < pdus; ++i) {
      core().send(core().command(tag), std::span(medium).subspan(512 * i, 512), i + 1 == pdus, 512 * i);
      data_in(static_cast<std::uint32_t>(i), false);
    }
    return host.expect(Opcode::kScsiResponse).as<pdu::ScsiResponse>();
  }
  void data_in(std::uint32_t sn, bool again = true) {
    const auto pdu = host.expect(Opcode::kDataIn);
    const auto& header = pdu.as<pdu::DataIn>();
    EXPECT_EQ(header.data_sn, sn);
    EXPECT_EQ(header.buffer_offset, 512 * sn);
    EXPECT_EQ(header.flags & 0x01, 0) << "status has a PDU of its own";
    const auto from = medium.begin() + 512 * static_cast<std::ptrdiff_t>(sn);
    if (!again) return;
    const std::vector<std::byte> then(kept.begin() + (from - medium.begin()),
                                      kept.begin() + (from - medium.begin()) + 512);
    EXPECT_EQ(pdu.data, then);
  }
  test_support::SentPdu again(Opcode opcode) {  // a PDU whose StatSN is an old one
    const std::uint32_t before = host.stat_sn;
    bench.settle();
    if (connection.sent.empty()) {
      ADD_FAILURE() << "nothing was sent again";
      return {};
    }
    const auto pdu = connection.sent.front();
    connection.sent.pop_front();
    EXPECT_EQ(pdu.opcode(), opcode);
    EXPECT_EQ(host.stat_sn, before);
    return pdu;
  }
  std::vector<std::byte> kept = medium;
  std::uint32_t acknowledged = 0;
};

TEST_F(RecoveryTest, LevelIsTheLowerOfBothAndMaxOutstandingR2tIsOneThen) {
  const auto agreed = [&](const Pairs& offer, const char* key) {
    Initiator other(bench, bench.connect());
    other.isid[5] = static_cast<std::uint8_t>(other.isid[5] + ++acknowledged);
    EXPECT_EQ(other.log_in(offer), 0);
    for (const SessionInfo& session : bench.sessions()) {
      if (session.tsih != other.tsih) continue;
      for (const auto& [name, value] : session.keys) {
        if (name == key) return value;
      }
    }
    return std::string("none");
  };
  EXPECT_EQ(agreed({{"ErrorRecoveryLevel", "2"}}, "ErrorRecoveryLevel"), "1");
  EXPECT_EQ(agreed({{"ErrorRecoveryLevel", "1"}, {"MaxOutstandingR2T", "8"}}, "MaxOutstandingR2T"), "1");
  EXPECT_EQ(agreed({{"MaxOutstandingR2T", "8"}, {"ErrorRecoveryLevel", "1"}}, "MaxOutstandingR2T"), "1");
  EXPECT_EQ(agreed({{"MaxOutstandingR2T", "8"}, {"ErrorRecoveryLevel", "0"}}, "MaxOutstandingR2T"), "4");
  EXPECT_EQ(agreed({}, "ErrorRecoveryLevel"), "0");
  bench.config.targets[0].error_recovery_level = 0;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(agreed({{"ErrorRecoveryLevel", "2"}}, "ErrorRecoveryLevel"), "0");
}

TEST_F(RecoveryTest, EverySnackIsRejectedAtLevel0) {
  host.must_log_in();
  for (const std::uint8_t type : {kData, kStatus, kDataAck, kRData}) {
    snack(type, 1, 0, 0);
    host.expect_reject(RejectReason::kSnackReject);
  }
}

TEST_F(RecoveryTest, DataSnackBringsReplicasOfWhatWasReadThen) {
  log_in();
  read(1, 4);
  std::fill(medium.begin(), medium.end(), std::byte{0xee});  // somebody writes
  snack(kData, 1, 1, 2);
  data_in(1);
  data_in(2);
  host.expect_nothing();
  snack(kData, 1, 2, 0);  // 0: all from there
  data_in(2);
  data_in(3);
  snack(kData, 1, 0, 0);  // all
  for (std::uint32_t sn = 0; sn < 4; ++sn) data_in(sn);
  host.expect_nothing();
}

TEST_F(RecoveryTest, DataSnackOfALiveReadIsServed) {
  log_in();
  host.read(1, 2048);
  core().send(core().command(1), std::span(medium).first(512), false);
  data_in(0, false);
  snack(kData, 1, 0, 1);
  data_in(0);
  snack(kData, 1, 0, 2);
  host.expect_reject(RejectReason::kProtocolError);  // 1 was not sent
  core().complete(core().command(1));
  host.expect_status(1);
}

TEST_F(RecoveryTest, SnackForWhatWasNotSentIsAProtocolError) {
  log_in();
  const auto response = read(1, 2);
  EXPECT_EQ(response.exp_data_sn, 2u);
  snack(kData, 1, 2, 1);
  host.expect_reject(RejectReason::kProtocolError);
  snack(kData, 1, 1, 0xffffffff);
  host.expect_reject(RejectReason::kProtocolError);
  snack(kData, 2, 0, 0);  // no such task
  host.expect_reject(RejectReason::kProtocolError);
  snack(kStatus, pdu::kReservedTag, host.stat_sn, 1);
  host.expect_reject(RejectReason::kProtocolError);
  snack(kRData, 2, 0, 0, 77);
  host.expect_reject(RejectReason::kProtocolError);
}

TEST_F(RecoveryTest, SnackForWhatWasAcknowledgedIsAProtocolError) {
  log_in();
  const auto response = read(1, 2);
  acknowledged = response.stat_sn + 1;
  snack(kData, 1, 0, 1);
  host.expect_reject(RejectReason::kProtocolError);
  snack(kStatus, pdu::kReservedTag, response.stat_sn, 1);
  host.expect_reject(RejectReason::kProtocolError);
}

TEST_F(RecoveryTest, StatusSnackBringsEveryKindOfResponseAgain) {
  log_in();
  acknowledged = host.stat_sn;
  const std::uint32_t first = host.stat_sn;
  host.read(1, 0);
  core().complete(core().command(1), scsi::Status::kBusy);
  host.expect_status(1, scsi::Status::kBusy);
  host.nop(2, pattern(5), true);
  connection.sent.clear();
  ++host.stat_sn;
  pdu::TaskManagementRequest manage;
  manage.opcode = 0x42;
  manage.flags = 0x88;
  manage.initiator_task_tag = 3;
  manage.exp_stat_sn = first;
  connection.deliver(manage);
  host.expect(Opcode::kTaskManagementResponse);
  snack(9, 1, 0, 0);  // no such type
  host.expect_reject(RejectReason::kInvalidPduField);
  host.nop(4, {}, false);
  const std::uint32_t exp_cmd_sn = host.expect(Opcode::kNopIn).as<pdu::NopIn>().exp_cmd_sn;
  snack(kStatus, pdu::kReservedTag, first, 4);
  const auto busy = again(Opcode::kScsiResponse);
  EXPECT_EQ(busy.as<pdu::ScsiResponse>().stat_sn, first);
  EXPECT_EQ(busy.as<pdu::ScsiResponse>().status, static_cast<std::uint8_t>(scsi::Status::kBusy));
  EXPECT_EQ(busy.as<pdu::ScsiResponse>().exp_cmd_sn, exp_cmd_sn) << "the window is that of now";
  EXPECT_EQ(again(Opcode::kNopIn).data, pattern(5));
  EXPECT_EQ(again(Opcode::kTaskManagementResponse).header.initiator_task_tag, 3u);
  EXPECT_EQ(again(Opcode::kReject).data.size(), 48u);
  host.expect_nothing();
  snack(kStatus, pdu::kReservedTag, 0, 0);  // all that is not acknowledged
  for (int i = 0; i < 4; ++i) again(connection.sent.front().opcode());
  EXPECT_EQ(again(Opcode::kNopIn).header.initiator_task_tag, 4u);
}

TEST_F(RecoveryTest, BurstsAreAcknowledgedByDataAckAndAreNotSentAgain) {
  log_in();
  host.read(1, 2048);
  for (std::uint32_t i = 0; i < 4; ++i) {
    core().send(core().command(1), std::span(medium).subspan(512 * i, 512), i == 3, 512 * i);
    const auto pdu = host.expect(Opcode::kDataIn);
    const auto& header = pdu.as<pdu::DataIn>();
    EXPECT_EQ(header.flags & pdu::DataIn::kAcknowledge, i == 1 ? pdu::DataIn::kAcknowledge : 0) << i;
    EXPECT_EQ(header.target_transfer_tag, i == 1 ? 1u : pdu::kReservedTag);
  }
  const auto response = host.expect(Opcode::kScsiResponse).as<pdu::ScsiResponse>();
  acknowledged = response.stat_sn;
  snack(kDataAck, pdu::kReservedTag, 2, 0, 1);
  host.expect_nothing();
  snack(kData, 1, 1, 1);
  host.expect_reject(RejectReason::kProtocolError);
  snack(kData, 1, 0, 0);  // what is left
  data_in(2);
  data_in(3);
  snack(kDataAck, pdu::kReservedTag, 2, 0, 1);  // the same again
  host.expect_nothing();
  snack(kDataAck, pdu::kReservedTag, 1, 0, 1);
  host.expect_reject(RejectReason::kInvalidDataAck);
  snack(kDataAck, pdu::kReservedTag, 5, 0, 1);
  host.expect_reject(RejectReason::kInvalidDataAck);
  snack(kDataAck, pdu::kReservedTag, 3, 1, 1);
  host.expect_reject(RejectReason::kInvalidDataAck);
  snack(kDataAck, pdu::kReservedTag, 3, 0, 9);
  host.expect_reject(RejectReason::kInvalidDataAck);
}

TEST_F(RecoveryTest, RDataSnackBringsAllUnacknowledgedDataAndAResponseWithItsTag) {
  log_in();
  const auto response = read(1, 4);
  EXPECT_EQ(response.snack_tag, 0u);
  snack(kDataAck, pdu::kReservedTag, 2, 0, 1);
  host.text(9, text_of({{"MaxRecvDataSegmentLength", "1024"}}));
  host.expect(Opcode::kTextResponse);
  snack(kRData, 1, 0, 0, 55);
  const auto data = again(Opcode::kDataIn);
  EXPECT_EQ(data.as<pdu::DataIn>().data_sn, 2u);
  EXPECT_EQ(data.as<pdu::DataIn>().buffer_offset, 1024u);
  EXPECT_EQ(data.data.size(), 512u) << "each transfer of the core is cut for itself";
  EXPECT_EQ(again(Opcode::kDataIn).as<pdu::DataIn>().data_sn, 3u);
  const auto fresh = again(Opcode::kScsiResponse).as<pdu::ScsiResponse>();
  EXPECT_EQ(fresh.snack_tag, 55u);
  EXPECT_EQ(fresh.stat_sn, response.stat_sn) << "all responses of the command carry the same";
  EXPECT_EQ(fresh.exp_data_sn, 4u);
  snack(kStatus, pdu::kReservedTag, response.stat_sn, 1);
  EXPECT_EQ(again(Opcode::kScsiResponse).as<pdu::ScsiResponse>().snack_tag, 55u) << "the latest content";
  for (const std::uint32_t tag : {0u, pdu::kReservedTag}) {
    snack(kRData, 1, 0, 0, tag);
    host.expect_reject(RejectReason::kInvalidPduField);
  }
  snack(kRData, 1, 1, 0, 56);
  host.expect_reject(RejectReason::kInvalidPduField);
}

TEST_F(RecoveryTest, ShorterPdusAreOnlyToBeHadByRDataSnack) {
  host.must_log_in({{"ErrorRecoveryLevel", "1"}, {"MaxRecvDataSegmentLength", "1024"}});
  host.read(1, 2048);
  acknowledged = host.stat_sn;
  core().send(core().command(1), std::span(medium).first(1024), false);
  host.expect(Opcode::kDataIn);
  host.text(9, text_of({{"MaxRecvDataSegmentLength", "512"}}));
  host.expect(Opcode::kTextResponse);
  snack(kData, 1, 0, 0);
  host.expect_reject(RejectReason::kProtocolError);
  connection.hold_answers = true;  // more is on its way: first that, then all anew
  core().send(core().command(1), std::span(medium).subspan(1024, 512), false, 1024);
  host.expect(Opcode::kDataIn);
  snack(kRData, 1, 0, 0, 7);
  host.expect_nothing();
  connection.hold_answers = false;
  core().send(core().command(1), std::span(medium).subspan(1536, 512), true, 1536);
  host.expect(Opcode::kDataIn);
  for (std::uint32_t sn = 0; sn < 4; ++sn) data_in(sn);
  const auto response = host.expect(Opcode::kScsiResponse).as<pdu::ScsiResponse>();
  EXPECT_EQ(response.snack_tag, 7u);
  EXPECT_EQ(response.exp_data_sn, 4u);
}

TEST_F(RecoveryTest, R2tSnackIsTheDatamoversAndRangesAreChecked) {
  log_in();
  host.write(1, 512);
  hal::DataTask& task = *connection.task(1);
  task.r2t_sn = 3;  // as if: one outstanding, of three
  task.r2t_count = 1;
  snack(kData, 1, 2, 1);
  snack(kData, 1, 0, 0);
  ASSERT_EQ(connection.r2ts_resent.size(), 2u);
  EXPECT_EQ(connection.r2ts_resent[0], std::pair(2u, 3u));
  EXPECT_EQ(connection.r2ts_resent[1], std::pair(2u, 3u));
  host.expect_nothing();
  snack(kData, 1, 1, 1);  // its data has come
  host.expect_reject(RejectReason::kProtocolError);
  snack(kData, 1, 3, 1);  // not sent
  host.expect_reject(RejectReason::kProtocolError);
  connection.has_r2ts = false;
  snack(kData, 1, 2, 1);
  host.expect_reject(RejectReason::kProtocolError);
  snack(kData, 1, 0, 0);  // all that there are: none
  host.expect_nothing();
  core().complete(core().command(1));
  host.expect_status(1);
}

TEST_F(RecoveryTest, DataDigestErrorOfADataOutIsRejectedAndTheTaskGoesOn) {
  log_in();
  host.write(1, 512);
  pdu::DataOut data;
  data.initiator_task_tag = 1;
  connection.reject_data_out(data, RejectReason::kDataDigestError);
  host.expect_reject(RejectReason::kDataDigestError);
  core().complete(core().command(1));
  host.expect_status(1);
}

TEST_F(RecoveryTest, SilentInitiatorIsShownTheStatSnThatItHasMissed) {
  bench.config.limits.nop_interval = seconds(0);
  ASSERT_TRUE(bench.apply());
  log_in();
  bench.advance(seconds(60));
  host.expect_nothing();
  host.read(1, 0);
  core().complete(core().command(1));
  host.expect_status(1);
  bench.advance(seconds(5));
  const auto ping = host.expect(Opcode::kNopIn).as<pdu::NopIn>();
  EXPECT_EQ(ping.stat_sn, host.stat_sn);
  pdu::NopOut answer;
  answer.opcode = 0x40;
  answer.initiator_task_tag = pdu::kReservedTag;
  answer.target_transfer_tag = ping.target_transfer_tag;
  answer.exp_stat_sn = host.stat_sn;
  connection.deliver(answer);
  bench.advance(seconds(60));
  host.expect_nothing();
}

TEST_F(RecoveryTest, InitiatorThatNeverAcknowledgesIsAskedAndThenLosesItsConnection) {
  ExpectLog expect("responses are not acknowledged");
  log_in();
  bool asked = false;
  for (std::size_t i = 0; i <= Recovery::kMostStatuses && bench.alive(connection); ++i) {
    host.nop(1, {}, true);
    for (const auto& pdu : connection.sent) asked = asked || pdu.header.initiator_task_tag == pdu::kReservedTag;
    connection.sent.clear();
    if (i % 64 == 0) bench.settle();
  }
  bench.settle();
  EXPECT_TRUE(asked);
  EXPECT_FALSE(bench.alive(connection));
}

TEST_F(RecoveryTest, AbortedReadLeavesNothingBehind) {
  log_in();
  host.read(1, 2048);
  core().send(core().command(1), std::span(medium).first(512), false);
  data_in(0, false);
  core().drop(core().command(1));
  snack(kData, 1, 0, 1);
  host.expect_reject(RejectReason::kProtocolError);
}

TEST_F(RecoveryTest, WhatIsKeptIsCounted) {
  log_in();
  EXPECT_EQ(bench.counters().recovery_bytes, 0u);
  read(1, 2);
  const std::uint64_t bytes = bench.counters().recovery_bytes;
  EXPECT_GE(bytes, 1024u);
  EXPECT_LT(bytes, 2048u);
  connection.lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_EQ(bench.counters().recovery_bytes, 0u);
  EXPECT_EQ(bench.counters().recovery_refusals, 0u);
}

TEST(Recovery, KeptDataIsBoundedOldestFirst) {
  RecoveryMemory memory;
  Recovery recovery(10, memory);
  hal::DatamoverKeys keys;
  std::vector<std::byte> bytes(Recovery::kMostBytes / 2);
  const hal::DmaSpan segment{bytes, {}};
  for (std::uint32_t i = 0; i < 2; ++i) {
    auto sent = std::make_unique<SentData>();
    const auto size = static_cast<std::uint32_t>(bytes.size());
    ASSERT_TRUE(recovery.make_room(size));
    sent->add({.segments = {&segment, 1}, .length = size}, 0, keys);
    recovery.take(size);
    sent->delivered();
    recovery.keep({}, {}, std::move(sent));
  }
  EXPECT_FALSE(recovery.at(10).read->incomplete());
  ASSERT_TRUE(recovery.make_room(1));
  EXPECT_TRUE(recovery.at(10).read->incomplete());
  EXPECT_FALSE(recovery.at(11).read->incomplete());
  EXPECT_FALSE(recovery.make_room(Recovery::kMostBytes + 1));
  recovery.acknowledge(12);
  EXPECT_TRUE(recovery.all_acknowledged());
  EXPECT_TRUE(recovery.make_room(Recovery::kMostBytes)) << "all of it is given back";
  EXPECT_EQ(memory.used(), 0u);
  EXPECT_EQ(memory.refusals(), 3u);
}

TEST(Recovery, DataOfAllConnectionsIsBounded) {
  RecoveryMemory memory(100000);
  Recovery first(10, memory);
  {
    Recovery second(10, memory);
    ASSERT_TRUE(first.make_room(60000));
    first.take(60000);
    ASSERT_TRUE(second.make_room(40000));
    second.take(40000);
    EXPECT_FALSE(second.make_room(1));
    EXPECT_EQ(memory.refusals(), 1u);
    second.give(40000);
    hal::DatamoverKeys keys;
    std::vector<std::byte> bytes(30000);
    const hal::DmaSpan segment{bytes, {}};
    auto sent = std::make_unique<SentData>();
    sent->add({.segments = {&segment, 1}, .length = 30000}, 0, keys);
    second.take(30000);
    sent->delivered();
    second.keep({}, {}, std::move(sent));
    ASSERT_TRUE(second.make_room(20000)) << "what belongs to its answered tasks is given up";
    EXPECT_TRUE(second.at(10).read->incomplete());
    EXPECT_FALSE(second.make_room(50000)) << "what belongs to others is not";
  }
  EXPECT_EQ(memory.used(), 60000u);
}

TEST(Recovery, ResponsesOfAllConnectionsAreBoundedAndNobodyLosesHisForTheHoardOfAnother) {
  RecoveryMemory memory(1000000);
  Recovery hoarder(10, memory), other(10, memory);
  const std::vector<std::byte> data(1000);
  std::size_t count = 0;
  bool asked_before = false;
  for (; !hoarder.too_many() && count < 2000; ++count) {
    asked_before = hoarder.many();
    hoarder.keep({}, data, nullptr);
  }
  EXPECT_GT(count, 900u);
  EXPECT_LT(count, 1000u);
  EXPECT_FALSE(asked_before) << "the limit of all came first";
  for (std::size_t i = 0; i < 20; ++i) other.keep({}, data, nullptr);
  EXPECT_FALSE(other.many());
  for (std::size_t i = 0; i < 20; ++i) other.keep({}, data, nullptr);
  EXPECT_TRUE(other.many()) << "it is asked to acknowledge";
  EXPECT_FALSE(other.too_many());
  hoarder.acknowledge(hoarder.next());
  EXPECT_FALSE(other.many());
}

TEST(Recovery, DataGivesWayToResponses) {
  RecoveryMemory memory(10000);
  Recovery recovery(10, memory);
  hal::DatamoverKeys keys;
  std::vector<std::byte> bytes(8000);
  const hal::DmaSpan segment{bytes, {}};
  auto sent = std::make_unique<SentData>();
  sent->add({.segments = {&segment, 1}, .length = 8000}, 0, keys);
  recovery.take(8000);
  sent->delivered();
  recovery.keep({}, {}, std::move(sent));
  EXPECT_FALSE(recovery.at(10).read->incomplete());
  recovery.keep({}, std::vector<std::byte>(3000), nullptr);
  EXPECT_TRUE(recovery.at(10).read->incomplete());
  EXPECT_LT(memory.used(), 4000u);
}

TEST(Recovery, RunsWrapAroundWithTheirNumbers) {
  NumberRun run{};
  EXPECT_TRUE(find_run(0xfffffffe, 3, 0xfffffffe, 2, run));
  EXPECT_EQ(run.end, 1u);
  EXPECT_TRUE(find_run(0, 1, 0xfffffffe, 2, run));
  EXPECT_TRUE(find_run(0, 0, 0xfffffffe, 2, run));
  EXPECT_EQ(run.begin, 0xfffffffe);
  EXPECT_FALSE(find_run(2, 0, 0xfffffffe, 2, run));
  EXPECT_FALSE(find_run(0xfffffffd, 1, 0xfffffffe, 2, run));
  EXPECT_FALSE(find_run(1, 2, 0xfffffffe, 2, run));
}

}  // namespace
}  // namespace iscsi
