// Unit tests of sessions with several connections (RFC 7143 4.2.1, 4.2.3): joining, order, task management.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/connections_bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using pdu::RejectReason;
using std::chrono::seconds;
using test_support::FakeConnection;

TEST_F(ConnectionsTest, SecondConnectionJoinsAndIsListed) {
  log_in_both();
  EXPECT_EQ(core().nexuses.size(), 1u);
  EXPECT_EQ(second.tsih, first.tsih);
  const auto sessions = bench.sessions();
  ASSERT_EQ(sessions.size(), 1u);
  ASSERT_EQ(sessions[0].connections.size(), 2u);
  EXPECT_EQ(sessions[0].connections[0].cid, 1);
  EXPECT_EQ(sessions[0].connections[1].cid, 2);
  EXPECT_EQ(sessions[0].connections[1].peer, "10.0.0.9:50001");
  EXPECT_EQ(bench.counters().logins, 2u);
}

TEST_F(ConnectionsTest, LeadingConnectionSettlesHowManyThereMayBe) {
  ExpectLog expect("refused with status 0206");
  first.must_log_in({{"MaxConnections", "2"}});
  ASSERT_EQ(second.join(first, 2), 0);
  Initiator third(bench, bench.connect());
  EXPECT_EQ(third.join(first, 3), 0x0206);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 2u);
}

TEST_F(ConnectionsTest, KeysOfTheLeadingLoginAreIrrelevantLater) {
  first.must_log_in({{"MaxConnections", "4"}, {"MaxBurstLength", "8192"}, {"DataDigest", "CRC32C"}});
  second.isid = first.isid;
  second.tsih = first.tsih;
  second.cid = 2;
  const std::string text = text_of({{"InitiatorName", kHost},
                                    {"TargetName", kTarget},
                                    {"MaxConnections", "8"},
                                    {"MaxBurstLength", "512"},
                                    {"ErrorRecoveryLevel", "2"},
                                    {"HeaderDigest", "CRC32C"},
                                    {"MaxRecvDataSegmentLength", "4096"}});
  second.connection().deliver(second.login_request(0x87),
                              {reinterpret_cast<const std::byte*>(text.data()), text.size()});
  bench.settle();
  ASSERT_FALSE(second.connection().sent.empty());
  const auto response = second.connection().sent.front();
  EXPECT_EQ(response.as<pdu::LoginResponse>().status, 0);
  for (const char* const key : {"MaxConnections", "MaxBurstLength", "ErrorRecoveryLevel"}) {
    EXPECT_EQ(value_in(response.text(), key), "Irrelevant") << key;
  }
  EXPECT_EQ(value_in(response.text(), "HeaderDigest"), "CRC32C");
  const hal::DatamoverKeys& keys = second.connection().keys;
  EXPECT_EQ(keys.max_burst_length, 8192u);
  EXPECT_TRUE(keys.header_digest && !keys.data_digest);
  EXPECT_EQ(keys.send_data_segment_length, 4096u);
  EXPECT_TRUE(first.connection().keys.data_digest && !first.connection().keys.header_digest);
}

TEST_F(ConnectionsTest, SessionsThatCannotBeJoined) {
  bench.config.portals.push_back({.address = "10.0.0.2:3260", .tag = 2});
  bench.config.targets[0].portal_groups = {1, 2};
  ASSERT_TRUE(bench.apply());
  first.must_log_in({{"MaxConnections", "4"}});
  ExpectLog elsewhere("refused with status 0208");
  Initiator other_group(bench, bench.connect("10.0.0.9:50002", 1));
  EXPECT_EQ(other_group.join(first, 2), 0x0208);
  ExpectLog none("refused with status 020a");
  second.name = "iqn.2026-01.test:somebody";
  EXPECT_EQ(second.join(first, 2), 0x020a);
  Initiator late(bench, bench.connect());
  first.logout();
  bench.settle();
  EXPECT_EQ(late.join(first, 2), 0x020a);
}

// --- requests ---

TEST_F(ConnectionsTest, CommandsAreTakenInTheOrderOfTheSession) {
  log_in_both();
  const pdu::ScsiCommand early = first.command(1);
  second.after(first);
  second.read(2, 0);
  bench.settle();
  EXPECT_TRUE(core().commands.empty()) << "the one before it is missing";
  first.connection().deliver(early);
  first.after(second);
  ASSERT_EQ(core().commands.size(), 2u);
  EXPECT_EQ(core().commands[0]->tag, 1u);
  EXPECT_EQ(core().commands[1]->tag, 2u);
  core().complete(core().command(2));
  core().complete(core().command(1));
  second.expect_status(2);
  first.expect_status(1);
  first.expect_nothing();
}

TEST_F(ConnectionsTest, RequestHeldForAnotherConnectionIsAnsweredWhereItCame) {
  log_in_both();
  const pdu::ScsiCommand early = first.command(1);
  second.after(first);
  second.nop(33, pattern(8));
  second.expect_nothing();
  first.connection().deliver(early);
  first.after(second);
  EXPECT_EQ(second.expect(Opcode::kNopIn).header.initiator_task_tag, 33u);
  first.expect_nothing();
}

TEST_F(ConnectionsTest, TagIsTheSessionsAndNotTheConnections) {
  log_in_both();
  read_by(first, 1);
  second.read(1, 0);
  second.expect_reject(RejectReason::kTaskInProgress);
  EXPECT_EQ(core().commands.size(), 1u);
}

TEST_F(ConnectionsTest, ImmediateCommandsAreCountedOverAllConnections) {
  log_in_both();
  for (std::uint32_t tag = 1; tag <= 8; ++tag) {
    Initiator& host = tag % 2 == 0 ? first : second;
    host.connection().deliver(host.command(tag, true));
  }
  first.connection().deliver(first.command(9, true));
  first.expect_reject(RejectReason::kTooManyImmediateCommands);
}

// --- task management ---

TEST_F(ConnectionsTest, TaskOfAnotherConnectionCanBeAborted) {
  log_in_both();
  read_by(first, 1);
  second.manage(1, 2, 1, 100);
  ASSERT_EQ(core().functions.size(), 1u);
  EXPECT_EQ(core().functions[0]->tag, 1u);
  core().drop(core().command(1));
  core().answer(*core().functions[0], scsi::TmfResponse::kFunctionComplete);
  second.expect_management(2, 0);
  first.expect_nothing();
}

// RFC 7143 4.2.3.3: a NOP-In may ask for the acknowledgement. One that is answered without it is not followed by
// another at once: the initiator may lack what it would have to acknowledge.
TEST_F(ConnectionsTest, ResetIsAnsweredWhenTheOtherConnectionHasAcknowledged) {
  bench.config.limits.nop_interval = {};
  ASSERT_TRUE(bench.apply());
  log_in_both();
  read_by(first, 1);
  core().complete(core().command(1));
  first.expect_status(1);
  second.manage(5, 2);
  core().answer(*core().functions.at(0), scsi::TmfResponse::kFunctionComplete);
  second.expect_nothing();
  const auto ping = first.expect(Opcode::kNopIn);
  pdu::NopOut answer;
  answer.opcode = 0x40;
  answer.initiator_task_tag = pdu::kReservedTag;
  answer.target_transfer_tag = ping.as<pdu::NopIn>().target_transfer_tag;
  answer.cmd_sn = first.cmd_sn;
  answer.exp_stat_sn = first.stat_sn - 1;  // the status is still on its way
  first.connection().deliver(answer);
  second.expect_nothing();
  first.expect_nothing();
  bench.advance(seconds(4));
  first.expect_nothing();
  bench.advance(seconds(1));
  answer.target_transfer_tag = first.expect(Opcode::kNopIn).as<pdu::NopIn>().target_transfer_tag;
  answer.exp_stat_sn = first.stat_sn;
  first.connection().deliver(answer);
  second.expect_management(2, 0);
}

// RFC 7143 4.2.2.1: a command whose place was given to an abort of another connection is ignored, and its data with it.
TEST_F(ConnectionsTest, DataOfACommandThatWasAbortedBeforeItCameIsDroppedInSilence) {
  first.must_log_in({{"MaxConnections", "8"}, {"InitialR2T", "No"}});
  ASSERT_EQ(second.join(first, 2), 0);
  pdu::ScsiCommand write = first.command(1);
  write.flags = 0x21;  // W, data follows, SIMPLE
  write.expected_data_transfer_length = 512;
  second.after(first);
  second.manage(1, 2, 1, write.cmd_sn);
  second.expect_management(2, 0);
  first.connection().deliver(write);
  pdu::DataOut data_out;
  data_out.flags = 0x80;
  data_out.initiator_task_tag = 1;
  data_out.target_transfer_tag = pdu::kReservedTag;
  first.connection().deliver(data_out, pattern(512));
  first.expect_nothing();
  EXPECT_TRUE(core().commands.empty());
}

TEST_F(ConnectionsTest, ConnectionThatDoesNotAcknowledgeIsGivenUp) {
  bench.config.limits.nop_interval = {};
  ASSERT_TRUE(bench.apply());
  log_in_both();
  second.manage(5, 2);
  core().answer(*core().functions.at(0), scsi::TmfResponse::kFunctionComplete);
  second.expect_nothing();
  ExpectLog expect("responses not acknowledged in time");
  bench.advance(seconds(11));
  EXPECT_EQ(second.expect(pdu::Opcode::kAsyncMessage).as<pdu::AsyncMessage>().async_event, 2);
  expect_window(second);
  second.expect_management(2, 0);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
}

TEST_F(ConnectionsTest, OtherConnectionThatEndsHoldsNoResetBack) {
  log_in_both();
  second.manage(5, 2);
  core().answer(*core().functions.at(0), scsi::TmfResponse::kFunctionComplete);
  second.expect_nothing();
  first.connection().lose(hal::CloseReason::kPeerClosed);
  expect_window(second);
  second.expect_management(2, 0);
}

TEST_F(ConnectionsTest, AnswerForAConnectionThatIsGoneGoesNowhere) {
  log_in_both();
  first.manage(5, 2);
  first.connection().lose(hal::CloseReason::kPeerClosed);
  expect_window(second);
  core().answer(*core().functions.at(0), scsi::TmfResponse::kFunctionComplete);
  second.expect_nothing();
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
}

// --- two reactors ---

struct TwoReactorsTest : ConnectionsTest {
  TwoReactorsTest() : ConnectionsTest(1) {}
};

TEST_F(TwoReactorsTest, ConnectionGoesToTheReactorOfItsSession) {
  ASSERT_NE(&first.connection().reactor(), &second.connection().reactor());
  hal::Reactor& home = first.connection().reactor();
  log_in_both();
  EXPECT_EQ(&second.connection().reactor(), &home);
  EXPECT_EQ(bench.datamover.connections.size(), 3u);
  ASSERT_EQ(bench.sessions().size(), 1u);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 2u);
  read_by(second, 1);
  core().complete(core().command(1));
  second.expect_status(1);
  // The next connection of anybody goes where there is room.
  EXPECT_NE(&bench.connect().reactor(), &home);
}

TEST_F(TwoReactorsTest, RefusalReachesAConnectionThatHasMoved) {
  first.must_log_in();  // MaxConnections=1
  ExpectLog expect("refused with status 0206");
  EXPECT_EQ(second.join(first, 2), 0x0206);
  bench.settle();
  EXPECT_TRUE(second.connection().destroyed);
}

TEST_F(TwoReactorsTest, PeerThatDoesNotWaitForItsLoginResponseIsClosed) {
  first.must_log_in({{"MaxConnections", "4"}});
  second.connection().bytes_under_way = true;
  ExpectLog expect("more bytes before the last login response");
  EXPECT_EQ(second.join(first, 2), 0xffff);
  EXPECT_TRUE(second.connection().destroyed);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
}

TEST_F(TwoReactorsTest, MovedConnectionsAreCountedOnce) {
  bench.config.limits.max_connections = 3;
  bench.config.limits.max_logins_per_peer = 1;
  ASSERT_TRUE(bench.apply());
  log_in_both();
  bench.connect("10.0.0.9:50004");  // both logins are over, two connections are there
  EXPECT_EQ(bench.datamover.connections.size(), 4u);
  second.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  bench.connect("10.0.0.8:1");
  EXPECT_EQ(bench.datamover.connections.size(), 5u);
  EXPECT_EQ(bench.counters().connections_refused, 0u);
}

}  // namespace
}  // namespace iscsi
