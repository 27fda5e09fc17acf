// Unit tests of what a target says without being asked (RFC 7143 11.9): events 1 to 3.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/connections_bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using std::chrono::milliseconds;
using std::chrono::seconds;

enum Event : std::uint8_t { kRequestLogout = 1, kConnectionDropped = 2, kSessionDropped = 3 };

struct AsyncTest : ConnectionsTest {
  pdu::AsyncMessage expect_event(Initiator& host, Event event) {
    const auto message = host.expect(Opcode::kAsyncMessage);
    EXPECT_EQ(message.as<pdu::AsyncMessage>().async_event, event);
    EXPECT_TRUE(message.data.empty());
    return message.as<pdu::AsyncMessage>();
  }
  void apply_without_waiting() {
    bench.fabric->apply(bench.config, [this](const base::Result<void>& result) { applied = result.has_value(); });
    bench.settle();
  }
  bool applied = false;
};

TEST_F(AsyncTest, TargetThatGoesAwayAsksForLogoutFirst) {
  log_in_both();
  bench.config.targets.clear();
  apply_without_waiting();
  EXPECT_EQ(expect_event(first, kRequestLogout).parameter3, 2);
  EXPECT_EQ(expect_event(second, kRequestLogout).parameter3, 2);
  EXPECT_FALSE(applied);
  read_by(first, 1);  // what is under way may still be finished
  core().complete(core().command(1));
  first.expect_status(1);
  second.after(first);
  second.logout();
  second.expect(Opcode::kLogoutResponse);
  bench.settle();
  EXPECT_TRUE(applied);
  first.expect_nothing();  // it was the initiator who closed the session
}

TEST_F(AsyncTest, WhoDoesNotLogOutInTimeIsDroppedAndTold) {
  log_in_both();
  bench.config.targets.clear();
  apply_without_waiting();
  expect_event(first, kRequestLogout);
  expect_event(second, kRequestLogout);
  bench.advance(milliseconds(1900));
  EXPECT_FALSE(applied);
  bench.advance(milliseconds(200));
  const pdu::AsyncMessage dropped = expect_event(first, kConnectionDropped);
  EXPECT_EQ(dropped.parameter1, 1);
  EXPECT_EQ(dropped.parameter2, 2);  // Time2Wait
  EXPECT_EQ(dropped.parameter3, 0);  // nothing is kept
  EXPECT_EQ(expect_event(second, kConnectionDropped).parameter1, 2);
  bench.settle();
  EXPECT_TRUE(applied);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(AsyncTest, InitiatorThatLosesItsAccessIsDroppedAtOnce) {
  log_in_both();
  bench.config.targets[0].initiators = {"iqn.2026-01.test:somebody"};
  apply_without_waiting();
  EXPECT_EQ(expect_event(first, kSessionDropped).parameter2, 2);
  EXPECT_EQ(expect_event(second, kSessionDropped).parameter1, 0);
  EXPECT_TRUE(applied);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(AsyncTest, LossOfOneConnectionIsReportedByAnother) {
  log_in_both();
  first.connection().lose(hal::CloseReason::kHeaderDigest);
  EXPECT_EQ(expect_event(second, kConnectionDropped).parameter1, 1);
  expect_window(second);
  second.expect_nothing();
}

TEST_F(AsyncTest, WhatTheInitiatorEndsItselfIsNotReported) {
  log_in_both();
  first.connection().lose(hal::CloseReason::kPeerClosed);
  expect_window(second);
  second.expect_nothing();
  Initiator third(bench, bench.connect("10.0.0.9:50003"));
  ASSERT_EQ(third.join(second, 3), 0);
  second.after(third);
  third.logout(1);
  third.expect(Opcode::kLogoutResponse);
  expect_window(second);
  second.expect_nothing();
}

TEST_F(AsyncTest, SilentInitiatorIsToldThatItsSessionIsDropped) {
  first.must_log_in();
  ExpectLog other("login took too long");  // the second connection's
  bench.advance(seconds(30));
  first.expect(Opcode::kNopIn);
  ExpectLog expect("NOP-In not answered");
  bench.advance(seconds(11));
  expect_event(first, kSessionDropped);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(AsyncTest, PortalThatIsClosedSendsItsConnectionsAway) {
  bench.config.portals.push_back({.address = "10.0.0.2:3260", .tag = 1});
  ASSERT_TRUE(bench.apply());
  log_in_both();  // both by the first portal
  bench.config.portals.erase(bench.config.portals.begin());
  apply_without_waiting();
  EXPECT_TRUE(applied) << "nobody waits for connections";
  expect_event(first, kRequestLogout);
  expect_event(second, kRequestLogout);
  first.logout(1);
  first.expect(Opcode::kLogoutResponse);
  expect_window(second);
  EXPECT_EQ(bench.sessions().size(), 1u);
  bench.advance(milliseconds(2100));
  EXPECT_EQ(expect_event(second, kConnectionDropped).parameter1, 2);
  EXPECT_TRUE(bench.sessions().empty());
}

}  // namespace
}  // namespace iscsi
