// Unit tests of sessions with several connections (RFC 7143 6.3.4, 7.4): loss, logout, reinstatement.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/connections_bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using pdu::RejectReason;
using std::chrono::seconds;
using test_support::FakeConnection;

// --- loss of one ---

TEST_F(ConnectionsTest, LossOfOneEndsItsTasksAndNothingElse) {
  log_in_both();
  read_by(first, 1);
  read_by(second, 2);
  first.connection().lose(hal::CloseReason::kPeerClosed);
  core_aborts(1);
  expect_window(second);
  EXPECT_TRUE(core().lost.empty());
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
  core().complete(core().command(2));
  second.expect_status(2);
  const auto sessions = bench.sessions();
  ASSERT_EQ(sessions.size(), 1u);
  ASSERT_EQ(sessions[0].connections.size(), 1u);
  EXPECT_EQ(sessions[0].connections[0].cid, 2);
  EXPECT_EQ(sessions[0].in_flight, 0u);
  // Its CID is free again, and its window slots are.
  Initiator again(bench, bench.connect("10.0.0.9:50003"));
  EXPECT_EQ(again.join(second, 1), 0);
  EXPECT_EQ(again.max_cmd_sn, again.cmd_sn + 127);
}

TEST_F(ConnectionsTest, LossOfTheLastEndsTheSession) {
  log_in_both();
  read_by(first, 1);
  first.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_TRUE(core().lost.empty());
  second.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_EQ(core().lost.size(), 1u);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(ConnectionsTest, RequestThatWasHeldForALostConnectionMayComeByAnother) {
  log_in_both();
  static_cast<void>(first.command(1));  // lost on the way
  const pdu::ScsiCommand held = first.command(2);
  first.connection().deliver(held);
  first.connection().lose(hal::CloseReason::kPeerClosed);
  expect_window(second);
  EXPECT_TRUE(core().commands.empty());
  second.read(1, 0);
  second.read(2, 0);
  EXPECT_EQ(core().commands.size(), 2u);
}

TEST_F(ConnectionsTest, TaskThatTheCoreEndsByItselfLetsItsConnectionGo) {
  log_in_both();
  read_by(first, 1);
  first.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  core().complete(core().command(1));
  core().answer(*core().functions.at(0), scsi::TmfResponse::kTaskDoesNotExist);
  bench.settle();
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
}

TEST_F(ConnectionsTest, SessionMayEndWhileAConnectionLeaves) {
  log_in_both();
  read_by(first, 1);
  core().hold_quiet = true;
  first.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  second.logout();
  bench.settle();
  core().release_quiet();
  second.expect(Opcode::kLogoutResponse);
  EXPECT_TRUE(bench.sessions().empty());
}

// --- logout ---

TEST_F(ConnectionsTest, LogoutOfOneIsAnsweredWhenItsTasksAreGone) {
  log_in_both();
  read_by(first, 1);
  first.logout(1);
  bench.settle();
  first.expect_nothing();
  core_aborts(1);
  EXPECT_EQ(first.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
  EXPECT_TRUE(core().lost.empty());
}

TEST_F(ConnectionsTest, LogoutOfAnotherIsAnsweredWhereItWasAsked) {
  log_in_both();
  read_by(first, 1);
  second.logout(1, 1);
  bench.settle();
  second.expect_nothing();
  second.logout(1, 1);  // once more: an answer is owed already
  second.expect_reject(RejectReason::kTaskInProgress);
  core_aborts(1);
  EXPECT_EQ(second.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
  second.logout(1, 1);
  expect_window(second);
  EXPECT_EQ(second.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 1) << "no such CID";
  second.logout(1, 2);
  EXPECT_EQ(second.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty()) << "the last one takes the session with it";
}

TEST_F(ConnectionsTest, AskerThatGoesAwayIsNotAnswered) {
  log_in_both();
  Initiator third(bench, bench.connect());
  ASSERT_EQ(third.join(first, 3), 0);
  read_by(first, 1);
  second.logout(1, 1);
  second.connection().lose(hal::CloseReason::kPeerClosed);
  core_aborts(1);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
}

TEST_F(ConnectionsTest, LogoutOfTheSessionClosesAll) {
  log_in_both();
  read_by(first, 1);
  second.logout(0);
  EXPECT_EQ(second.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
  for (const auto& connection : bench.datamover.connections) EXPECT_TRUE(connection->destroyed);
}

TEST_F(ConnectionsTest, AllConnectionsAreAskedToLogOut) {
  log_in_both();
  bool done = false;
  bench.fabric->logout_session(bench.sessions()[0].id, seconds(5),
                               [&](const base::Result<void>& result) { done = result.has_value(); });
  first.expect(Opcode::kAsyncMessage);
  second.expect(Opcode::kAsyncMessage);
  bench.advance(seconds(6));
  EXPECT_TRUE(done);
}

// --- reinstatement ---

TEST_F(ConnectionsTest, SameCidReinstatesTheConnectionWhenItsTasksAreGone) {
  log_in_both();
  read_by(first, 1);
  read_by(second, 2);
  Initiator again(bench, bench.connect("10.0.0.9:50003"));
  EXPECT_EQ(again.join(second, 1), 0xffff) << "answered before the old connection was gone";
  EXPECT_FALSE(bench.alive(first.connection()));
  core_aborts(1);
  ASSERT_FALSE(again.connection().sent.empty());
  EXPECT_EQ(again.connection().sent.front().as<pdu::LoginResponse>().status, 0);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 2u);
  core().complete(core().command(2));
  expect_window(second);
  second.expect_status(2);
}

TEST_F(ConnectionsTest, OnlyConnectionCanBeReinstated) {
  first.must_log_in();
  EXPECT_EQ(second.join(first, 1), 0);
  EXPECT_FALSE(bench.alive(first.connection()));
  EXPECT_TRUE(core().lost.empty());
  second.read(1, 0);
  core().complete(core().command(1));
  second.expect_status(1);
  EXPECT_EQ(bench.sessions()[0].connections.size(), 1u);
}

TEST_F(ConnectionsTest, OfTwoThatWaitForOneCidTheLaterWins) {
  log_in_both();
  read_by(first, 1);
  Initiator third(bench, bench.connect()), fourth(bench, bench.connect());
  EXPECT_EQ(third.join(second, 1), 0xffff);
  ExpectLog expect("refused with status 0208");
  EXPECT_EQ(fourth.join(second, 1), 0xffff);
  EXPECT_EQ(third.connection().sent.at(0).as<pdu::LoginResponse>().status, 0x0208);
  core_aborts(1);
  EXPECT_EQ(fourth.connection().sent.at(0).as<pdu::LoginResponse>().status, 0);
}

TEST_F(ConnectionsTest, LoginThatWaitsToJoinMayGoAwayOrSeeTheSessionEnd) {
  log_in_both();
  read_by(first, 1);
  Initiator third(bench, bench.connect());
  EXPECT_EQ(third.join(second, 1), 0xffff);
  third.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  Initiator fourth(bench, bench.connect());
  EXPECT_EQ(fourth.join(second, 1), 0xffff);
  ExpectLog expect("refused with status 020a");
  second.logout(0);
  bench.settle();
  EXPECT_EQ(fourth.connection().sent.at(0).as<pdu::LoginResponse>().status, 0x020a);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(ConnectionsTest, SessionReinstatementEndsAllConnections) {
  log_in_both();
  Initiator fresh(bench, bench.connect());
  fresh.must_log_in();
  EXPECT_NE(fresh.tsih, first.tsih);
  EXPECT_FALSE(bench.alive(first.connection()) || bench.alive(second.connection()));
  EXPECT_EQ(bench.sessions().size(), 1u);
}

}  // namespace
}  // namespace iscsi
