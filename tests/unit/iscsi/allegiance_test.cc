// Unit tests of error recovery level 2 (RFC 7143 7.1.4.4, 7.2.2, 6.3.4, 11.5, 11.14): tasks outlive their connection.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using pdu::RejectReason;
using scsi::Delivery;
using std::chrono::seconds;

enum : std::uint8_t { kComplete = 0, kNoTask = 1, kAllegiant = 3, kNotSupported = 4, kTaskReassign = 8 };
enum : std::uint8_t { kCloseConnection = 1, kRecover = 2 };

struct AllegianceTest : testing::Test {
  IscsiBench bench;
  std::vector<std::byte> medium = pattern(4096);
  Initiator first{bench, connect()}, second{bench, bench.connect("10.0.0.9:50001")};
  FakeRouter& core() { return *bench.router; }
  test_support::FakeConnection& connect() {
    bench.config.targets[0].error_recovery_level = 2;
    EXPECT_TRUE(bench.apply());
    return bench.connect();
  }
  static Pairs keys(const char* time2retain = "10") {
    return {{"ErrorRecoveryLevel", "2"},
            {"DefaultTime2Wait", "2"},
            {"DefaultTime2Retain", time2retain},
            {"MaxRecvDataSegmentLength", "512"}};
  }
  void lose_first() {
    first.connection().lose(hal::CloseReason::kPeerClosed);
    bench.settle();
  }
  void join(std::uint16_t cid) {
    ASSERT_EQ(second.join(first, cid, {{"MaxRecvDataSegmentLength", "512"}}), 0);
    bench.settle();
  }
  void reassign(Initiator& host, std::uint32_t tag, std::uint8_t answer, std::uint32_t exp_data_sn = 0) {
    ask_to_reassign(host, tag, exp_data_sn);
    host.expect_management(0x900 + tag, answer);
  }
  void ask_to_reassign(Initiator& host, std::uint32_t tag, std::uint32_t exp_data_sn = 0) {
    pdu::TaskManagementRequest request;
    request.opcode = 0x42;
    request.flags = 0x80 | kTaskReassign;
    request.initiator_task_tag = 0x900 + tag;
    request.referenced_task_tag = tag;
    request.cmd_sn = host.cmd_sn;
    request.exp_stat_sn = host.stat_sn;
    request.exp_data_sn = exp_data_sn;
    host.connection().deliver(request);
  }
  void data_in(std::uint32_t sn, std::uint32_t offset) {
    const auto pdu = second.expect(Opcode::kDataIn);
    EXPECT_EQ(pdu.as<pdu::DataIn>().data_sn, sn);
    EXPECT_EQ(pdu.as<pdu::DataIn>().buffer_offset, offset);
    const auto from = medium.begin() + static_cast<std::ptrdiff_t>(offset);
    EXPECT_EQ(pdu.data, std::vector<std::byte>(from, from + 512));
  }
  // The second connection tells that the first one is lost, and for how long its tasks wait.
  void lose_first_and_be_told(std::uint16_t time2retain) {
    first.connection().lose(hal::CloseReason::kHeaderDigest);
    const auto event = second.expect(Opcode::kAsyncMessage).as<pdu::AsyncMessage>();
    EXPECT_EQ(event.async_event, 2);
    EXPECT_EQ(event.parameter1, first.cid);
    EXPECT_EQ(event.parameter2, 2);
    EXPECT_EQ(event.parameter3, time2retain);
  }
  std::span<std::byte> part(std::size_t number) { return std::span(medium).subspan(512 * number, 512); }
  void expect_logout(std::uint8_t answer) {
    const auto response = second.expect(Opcode::kLogoutResponse);
    EXPECT_EQ(response.as<pdu::LogoutResponse>().response, answer);
    EXPECT_EQ(response.as<pdu::LogoutResponse>().time2wait, 2);
    EXPECT_EQ(response.as<pdu::LogoutResponse>().time2retain, 10);
  }
};

TEST_F(AllegianceTest, ReassignmentNeedsLevel2) {
  first.must_log_in({{"ErrorRecoveryLevel", "1"}});
  first.read(1, 512);
  reassign(first, 1, kNotSupported);
  core().complete(core().command(1));
  first.expect_status(1);
  first.logout(kRecover);
  EXPECT_EQ(first.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 2);
}

TEST_F(AllegianceTest, SessionAndTasksOutliveTheirOnlyConnection) {
  first.must_log_in(keys());
  first.read(1, 512);
  lose_first();
  ASSERT_EQ(bench.sessions().size(), 1u);
  EXPECT_TRUE(bench.sessions()[0].connections.empty());
  EXPECT_EQ(core().commands.size(), 1u) << "the core hears nothing of it";
  join(1);
  reassign(second, 1, kComplete);
  core().send(core().command(1), part(0), true);
  data_in(0, 0);
  second.expect_status(1);
  EXPECT_EQ(core().nexuses.size(), 1u);
}

TEST_F(AllegianceTest, TaskIsAllegiantUntilItsConnectionIsLoggedOut) {
  first.must_log_in(keys());
  first.read(1, 0);
  lose_first();
  join(2);
  second.read(2, 0);
  reassign(second, 1, kAllegiant);
  reassign(second, 2, kAllegiant);  // to this very connection
  reassign(second, 3, kNoTask);
  second.logout(kRecover, 1);
  expect_logout(0);
  reassign(second, 1, kComplete);
  core().complete(core().command(1));
  second.expect_status(1);
  reassign(second, 1, kNoTask);  // which acknowledges the response
  core().complete(core().command(2));
  second.expect_status(2);
}

TEST_F(AllegianceTest, ReadGoesOnWithTheDataThatWasNotAcknowledged) {
  first.must_log_in(keys());
  first.read(1, 2048);
  core().send(core().command(1), part(0), false);
  core().send(core().command(1), part(1), false, 512);
  bench.settle();
  first.connection().hold_answers = true;
  core().send(core().command(1), part(2), false, 1024);
  lose_first();
  EXPECT_EQ(core().delivered.size(), 2u) << "the third waits";
  join(1);
  std::fill_n(part(1).begin(), 512, std::byte{0xee});  // written by others: what was read stays
  reassign(second, 1, kComplete, 1);
  std::copy_n(pattern(1024).begin() + 512, 512, part(1).begin());
  data_in(1, 512);
  data_in(2, 1024);
  ASSERT_EQ(core().delivered.size(), 3u);
  EXPECT_EQ(core().delivered[2].second, Delivery::kDelivered);
  core().send(core().command(1), part(3), true, 1536);
  data_in(3, 1536);
  const auto response = second.expect(Opcode::kScsiResponse).as<pdu::ScsiResponse>();
  EXPECT_EQ(response.exp_data_sn, 4u);
}

TEST_F(AllegianceTest, ReadThatTheCoreGoesOnWithMeanwhileIsHeldUp) {
  first.must_log_in(keys());
  first.read(1, 1024);
  lose_first();
  core().send(core().command(1), part(0), true);
  bench.settle();
  EXPECT_TRUE(core().delivered.empty());
  join(1);
  reassign(second, 1, kComplete);
  data_in(0, 0);
  second.expect_status(1);
  EXPECT_TRUE(core().commands.empty());
}

TEST_F(AllegianceTest, WriteFetchesTheRestByTheOtherConnection) {
  first.must_log_in(keys());
  first.write(1, 1024);
  first.connection().hold_get = true;
  core().receive(core().command(1), std::span(medium).first(1024));
  lose_first();
  EXPECT_TRUE(core().delivered.empty());
  join(1);
  second.connection().data_out = pattern(1024, 9);
  reassign(second, 1, kComplete);
  bench.settle();
  EXPECT_EQ(second.connection().gets, 1u);
  ASSERT_EQ(core().delivered.size(), 1u);
  EXPECT_EQ(core().delivered[0].second, Delivery::kDelivered);
  EXPECT_TRUE(std::equal(medium.begin(), medium.begin() + 1024, pattern(1024, 9).begin()));
  core().complete(core().command(1));
  second.expect_status(1);
}

// RFC 7143 7.2.2: a connection that is over takes early data with it that nobody had fetched.
TEST_F(AllegianceTest, ImmediateDataThatWasNotFetchedIsAskedForAnew) {
  first.must_log_in(keys());
  first.write(1, 1024, pattern(1024, 5));
  lose_first();
  core().receive(core().command(1), std::span(medium).first(1024));
  join(1);
  second.connection().resumed_at = 1;
  second.connection().data_out = pattern(1024, 9);
  reassign(second, 1, kComplete);
  bench.settle();
  EXPECT_EQ(second.connection().resumed_at, 0u);
  EXPECT_EQ(second.connection().gets, 1u);
  ASSERT_EQ(core().delivered.size(), 1u);
  EXPECT_TRUE(std::equal(medium.begin(), medium.begin() + 1024, pattern(1024, 9).begin()));
  core().complete(core().command(1));
  second.expect_status(1);
}

TEST_F(AllegianceTest, ResponseThatWasNotAcknowledgedIsSentByTheOtherConnection) {
  first.must_log_in(keys());
  first.read(1, 512);
  core().send(core().command(1), part(0), true);
  bench.settle();
  first.read(2, 0);
  core().complete(core().command(2), scsi::Status::kBusy);
  lose_first();
  core().commands.clear();
  join(1);
  reassign(second, 2, kComplete);
  second.expect_status(2, scsi::Status::kBusy);
  reassign(second, 1, kComplete);
  data_in(0, 0);
  second.expect_status(1);
}

TEST_F(AllegianceTest, AcknowledgedDataIsNotSentAgainWithTheResponse) {
  first.must_log_in(keys());
  first.read(1, 1024);
  core().send(core().command(1), part(0), false);
  core().send(core().command(1), part(1), true, 512);
  lose_first();
  join(1);
  reassign(second, 1, kComplete, 2);
  const auto response = second.expect(Opcode::kScsiResponse).as<pdu::ScsiResponse>();
  EXPECT_EQ(response.exp_data_sn, 2u);
  EXPECT_EQ(response.snack_tag, 0u);
  second.expect_nothing();
}

TEST_F(AllegianceTest, CommandThatEndsMeanwhileIsAnsweredByTheOtherConnection) {
  first.must_log_in(keys());
  first.read(1, 0);
  lose_first();
  core().complete(core().command(1), scsi::Status::kBusy);
  join(1);
  reassign(second, 1, kComplete);
  second.expect_status(1, scsi::Status::kBusy);
  reassign(second, 1, kNoTask);  // which acknowledges the response
}

TEST_F(AllegianceTest, TasksEndWithTime2WaitAndTime2Retain) {
  first.must_log_in(keys());
  first.read(1, 512);
  lose_first();
  bench.advance(seconds(11));
  EXPECT_EQ(core().commands.size(), 1u);
  bench.advance(seconds(1));
  EXPECT_TRUE(core().commands.empty());
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(AllegianceTest, SessionWithAnotherConnectionGoesOnWithoutThem) {
  first.must_log_in(keys());
  first.read(1, 512);
  core().send(core().command(1), part(0), false);
  first.connection().hold_answers = true;
  join(2);  // one more than MaxConnections: there must be a way to clean up
  lose_first();
  const auto dropped = [&] {
    return std::any_of(second.connection().sent.begin(), second.connection().sent.end(),
                       [](const auto& pdu) { return pdu.opcode() == Opcode::kNopIn; });
  };
  EXPECT_TRUE(dropped());
  second.connection().sent.clear();
  bench.advance(seconds(12));
  ASSERT_EQ(core().functions.size(), 1u);
  EXPECT_EQ(core().functions[0]->tag, 1u);
  core().command(1).nexus->port.terminate_data_transfer(core().command(1));
  bench.settle();
  ASSERT_EQ(core().delivered.size(), 1u);
  EXPECT_EQ(core().delivered[0].second, Delivery::kTerminated);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  bench.settle();
  EXPECT_EQ(bench.sessions().size(), 1u);
  second.connection().sent.clear();
  reassign(second, 1, kNoTask);
}

TEST_F(AllegianceTest, LogoutThatClosesALostConnectionEndsItsTasks) {
  first.must_log_in(keys());
  first.read(1, 512);
  join(2);
  lose_first();
  second.connection().sent.clear();
  second.logout(kCloseConnection, 1);
  bench.settle();
  ASSERT_EQ(core().functions.size(), 1u);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  expect_logout(0);
}

TEST_F(AllegianceTest, LiveConnectionThatIsRemovedForRecoveryIsClosedFirst) {
  first.must_log_in(keys());
  first.read(1, 512);
  join(2);
  second.logout(kRecover, 1);
  bench.settle();
  EXPECT_FALSE(bench.alive(first.connection()));
  while (!second.connection().sent.empty() && second.connection().sent.front().opcode() == Opcode::kNopIn) {
    second.connection().sent.pop_front();
  }
  expect_logout(0);
  reassign(second, 1, kComplete);
  core().complete(core().command(1));
  second.expect_status(1);
}

TEST_F(AllegianceTest, ConnectionMayLogItselfOutForRecovery) {
  first.must_log_in(keys());
  first.read(1, 0);
  first.logout(kRecover);
  EXPECT_EQ(first.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
  bench.advance(seconds(1));
  EXPECT_FALSE(bench.alive(first.connection()));
  join(1);
  reassign(second, 1, kComplete);
  core().complete(core().command(1));
  second.expect_status(1);
}

TEST_F(AllegianceTest, ReinstatementOfALiveConnectionKeepsItsTasks) {
  first.must_log_in(keys());
  first.read(1, 0);
  join(1);
  EXPECT_FALSE(bench.alive(first.connection()));
  reassign(second, 1, kComplete);
  core().complete(core().command(1));
  second.expect_status(1);
}

TEST_F(AllegianceTest, AbortOfATaskThatWaitsEndsIt) {
  first.must_log_in(keys());
  first.write(1, 1024);
  first.connection().hold_get = true;
  core().receive(core().command(1), std::span(medium).first(1024));
  lose_first();
  join(1);
  second.manage(1, 50, 1, 100);
  ASSERT_EQ(core().functions.size(), 1u);
  core().command(1).nexus->port.terminate_data_transfer(core().command(1));
  bench.settle();
  ASSERT_EQ(core().delivered.size(), 1u);
  EXPECT_EQ(core().delivered[0].second, Delivery::kTerminated);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  second.expect_management(50, kComplete);
  reassign(second, 1, kNoTask);
}

TEST_F(AllegianceTest, LossOfAConnectionIsToldWithTheTimeThatItsTasksWait) {
  first.must_log_in(keys());
  first.read(1, 512);
  join(2);
  lose_first_and_be_told(10);
  EXPECT_TRUE(core().functions.empty());
}

// RFC 7143 13.16: 0 says that the state of a connection and its tasks is discarded at once.
TEST_F(AllegianceTest, NothingIsRetainedWhenTime2RetainIs0) {
  first.must_log_in(keys("0"));
  first.read(1, 512);
  join(2);
  lose_first_and_be_told(0);
  ASSERT_EQ(core().functions.size(), 1u) << "aborted at once";
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  bench.settle();
  EXPECT_TRUE(first.connection().destroyed);
  second.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(AllegianceTest, LogoutForRecoveryClosesWhenTime2RetainIs0) {
  first.must_log_in(keys("0"));
  first.read(1, 512);
  join(2);
  first.logout(kRecover);
  bench.settle();
  EXPECT_TRUE(first.connection().sent.empty()) << "answered when its tasks have ended";
  ASSERT_EQ(core().functions.size(), 1u);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  const auto response = first.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>();
  EXPECT_EQ(response.response, 0);
  EXPECT_EQ(response.time2retain, 0);
}

// 7.2.2 asks for a completed logout and for nothing more.
TEST_F(AllegianceTest, TaskMayBeReassignedRightAfterTheLogoutResponse) {
  first.must_log_in(keys());
  first.read(1, 0);
  join(2);
  first.logout(kRecover);
  EXPECT_FALSE(first.connection().ended);
  ask_to_reassign(second, 1);
  bench.settle();
  EXPECT_TRUE(first.connection().ended);
  second.expect(Opcode::kNopIn);  // the other connection is gone
  second.expect_management(0x900 + 1, kComplete);
  core().complete(core().command(1));
  second.expect_status(1);
}

// 11.15.4: what stays is the state of tasks, and the session when it has no other connection.
TEST_F(AllegianceTest, ConnectionThatNothingWaitsAtKeepsNoPlace) {
  first.must_log_in(keys());
  join(2);
  first.logout(kRecover);
  bench.settle();
  EXPECT_TRUE(first.connection().destroyed);
  EXPECT_EQ(bench.sessions().size(), 1u);
  second.connection().sent.clear();
  second.after(first);
  second.logout(kRecover);
  bench.advance(seconds(11));
  EXPECT_FALSE(second.connection().destroyed);
  EXPECT_EQ(bench.sessions().size(), 1u);
  bench.advance(seconds(1));
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(AllegianceTest, ConnectionGoesWithTheLastTaskThatIsReassigned) {
  first.must_log_in(keys());
  first.read(1, 512);
  core().send(core().command(1), part(0), true);
  bench.settle();
  first.read(2, 0);
  lose_first();
  join(1);
  reassign(second, 1, kComplete);
  data_in(0, 0);
  second.expect_status(1);
  EXPECT_FALSE(first.connection().destroyed);
  reassign(second, 2, kComplete);
  bench.settle();
  EXPECT_TRUE(first.connection().destroyed);
  core().complete(core().command(2));
  second.expect_status(2);
}

TEST_F(AllegianceTest, ConnectionGoesWithTheLastTaskThatIsAborted) {
  first.must_log_in(keys());
  first.read(1, 0);
  lose_first();
  join(1);
  EXPECT_FALSE(first.connection().destroyed);
  second.manage(1, 50, 1, 100);
  ASSERT_EQ(core().functions.size(), 1u);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  second.expect_management(50, kComplete);
  bench.settle();
  EXPECT_TRUE(first.connection().destroyed);
}

TEST_F(AllegianceTest, Time2RetainIsOfLevel2Only) {
  const auto agreed = [&](const char* level) {
    Initiator other(bench, bench.connect());
    other.isid[5] = static_cast<std::uint8_t>(level[0]);
    EXPECT_EQ(other.log_in({{"DefaultTime2Retain", "30"}, {"ErrorRecoveryLevel", level}}), 0);
    for (const SessionInfo& session : bench.sessions()) {
      if (session.tsih != other.tsih) continue;
      for (const auto& [name, value] : session.keys) {
        if (name == "DefaultTime2Retain") return value;
      }
    }
    return std::string("none");
  };
  EXPECT_EQ(agreed("2"), "20");
  EXPECT_EQ(agreed("1"), "0");
  EXPECT_EQ(agreed("0"), "0");
}

TEST_F(AllegianceTest, SessionReinstatementEndsWhatWaits) {
  first.must_log_in(keys());
  first.read(1, 512);
  core().send(core().command(1), part(0), false);
  first.connection().hold_answers = true;
  lose_first();
  second.isid = first.isid;
  second.must_log_in(keys());
  EXPECT_TRUE(core().commands.empty());
  EXPECT_EQ(bench.sessions().size(), 1u);
}

}  // namespace
}  // namespace iscsi
