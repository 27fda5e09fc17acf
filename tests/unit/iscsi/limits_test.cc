// Unit tests of limits by portal and target: connections, sessions, logins a second, and windows that share commands.
#include <gtest/gtest.h>

#include "fabrics/iscsi/admission.h"
#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct LimitsTest : testing::Test {
  IscsiBench bench;
  Target& target() { return bench.config.targets[0]; }
  Portal& portal() { return bench.config.portals[0]; }
  // Another initiator port each time; the session stays.
  std::uint16_t log_in(bool discovery = false) {
    hosts.push_back(std::make_unique<Initiator>(bench, bench.connect()));
    hosts.back()->isid[5] = static_cast<std::uint8_t>(hosts.size());
    return hosts.back()->log_in({}, discovery);
  }
  void log_out(std::size_t number) {
    hosts[number]->logout();
    hosts[number]->expect(pdu::Opcode::kLogoutResponse);
    bench.settle();
  }
  std::vector<std::unique_ptr<Initiator>> hosts;
};

TEST(LoginRates, AnIdleSecondIsWorthASecondsLogins) {
  LoginRates rates;
  base::Time now{};
  EXPECT_TRUE(rates.allow("a", 0, now)) << "no limit";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rates.allow("a", 3, now));
  EXPECT_FALSE(rates.allow("a", 3, now));
  EXPECT_TRUE(rates.allow("b", 3, now)) << "each name has its own";
  now += milliseconds(340);
  EXPECT_TRUE(rates.allow("a", 3, now));
  EXPECT_FALSE(rates.allow("a", 3, now));
  now += seconds(3600);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rates.allow("a", 3, now));
  EXPECT_FALSE(rates.allow("a", 3, now)) << "no more than one second's";
}

TEST_F(LimitsTest, PortalHasSoManySessions) {
  portal().max_sessions = 2;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(log_in(), 0);
  {
    ExpectLog expect("refused with status 0302");
    EXPECT_EQ(log_in(), 0x0302);
  }
  EXPECT_EQ(log_in(true), 0) << "discovery sessions do not count";
  log_out(0);
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(bench.sessions().size(), 3u);
}

TEST_F(LimitsTest, SessionThatIsReinstatedNeedsNoRoom) {
  portal().max_sessions = 1;
  target().max_sessions = 1;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(), 0);
  Initiator again(bench, bench.connect());
  again.isid = hosts[0]->isid;
  EXPECT_EQ(again.log_in(), 0);
}

TEST_F(LimitsTest, PortalHasSoManyConnections) {
  portal().max_connections = 2;
  bench.config.portals.push_back({.address = "10.0.0.2:3260", .tag = 1});
  ASSERT_TRUE(bench.apply());
  bench.connect("10.0.0.7:1");
  test_support::FakeConnection& second = bench.connect("10.0.0.8:1");
  {
    ExpectLog expect("too many connections by this portal");
    bench.datamover.connect(0, "10.0.0.9:1", "10.0.0.1:3260");
    bench.settle();
  }
  EXPECT_EQ(bench.datamover.connections.size(), 2u);
  bench.datamover.connect(1, "10.0.0.9:1", "10.0.0.2:3260");
  bench.settle();
  EXPECT_EQ(bench.datamover.connections.size(), 3u);
  second.lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  bench.connect("10.0.0.9:2");
  EXPECT_EQ(bench.datamover.connections.size(), 4u);
  EXPECT_EQ(bench.counters().connections_refused, 1u);
}

TEST_F(LimitsTest, LoginsOfAllPeersAreBounded) {
  bench.config.limits.max_logins = 2;
  ASSERT_TRUE(bench.apply());
  test_support::FakeConnection& first = bench.connect("10.0.0.7:1");
  bench.connect("10.0.0.8:1");
  {
    ExpectLog expect("connection refused: too many logins (");
    bench.datamover.connect(0, "10.0.0.9:1", "10.0.0.1:3260");
    bench.settle();
  }
  Initiator host(bench, first);
  host.must_log_in();  // no longer in login
  bench.connect("10.0.0.9:2");
  EXPECT_EQ(bench.datamover.connections.size(), 3u);
}

TEST_F(LimitsTest, TargetTakesSoManyLoginsASecond) {
  target().max_logins_per_second = 2;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(log_in(), 0);
  {
    ExpectLog expect("refused with status 0302");
    EXPECT_EQ(log_in(), 0x0302);
  }
  EXPECT_EQ(log_in(true), 0) << "a discovery session is to no target";
  bench.advance(milliseconds(600));
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(bench.sessions().size(), 4u) << "nobody lost a session by it";
}

TEST_F(LimitsTest, PortalTakesSoManyLoginsASecond) {
  portal().max_logins_per_second = 1;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(true), 0);
  ExpectLog expect("refused with status 0302");
  EXPECT_EQ(log_in(), 0x0302);
}

// --- overload ---

std::uint32_t window_of(const Initiator& host) { return host.max_cmd_sn - host.cmd_sn + 1; }

TEST_F(LimitsTest, SessionsShareTheCommandsOfATarget) {
  target().max_commands = 100;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(window_of(*hosts[0]), 100u);
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(window_of(*hosts[1]), 50u);
  // What was promised to the first stays promised; each command that ends opens nothing until it is down to its share.
  hosts[0]->read(1, 0);
  bench.router->complete(bench.router->command(1));
  hosts[0]->expect_status(1);
  EXPECT_EQ(window_of(*hosts[0]), 99u);
  for (std::uint32_t tag = 2; tag < 52; ++tag) {
    hosts[0]->read(tag, 0);
    bench.router->complete(bench.router->command(tag));
    hosts[0]->expect_status(tag);
  }
  EXPECT_EQ(window_of(*hosts[0]), 50u) << "the share, and no less";
  EXPECT_EQ(bench.sessions().size(), 2u);
}

TEST_F(LimitsTest, WindowOpensWhenSharersLeave) {
  target().max_commands = 2;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(window_of(*hosts[2]), 1u) << "everybody may have one";
  hosts[2]->read(1, 0);  // uses it up
  bench.settle();
  log_out(0);
  hosts[2]->expect_nothing();  // two sessions: one each, still
  log_out(1);
  hosts[2]->expect(pdu::Opcode::kNopIn);  // tells that the window is open again
  EXPECT_EQ(window_of(*hosts[2]), 1u);
  bench.router->complete(bench.router->command(1));
  hosts[2]->expect_status(1);
  EXPECT_EQ(window_of(*hosts[2]), 2u);
}

TEST_F(LimitsTest, ShareChangesWithTheSettings) {
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(window_of(*hosts[0]), 128u);
  target().max_commands = 10;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(log_in(), 0);
  EXPECT_EQ(window_of(*hosts[1]), 5u);
  target().max_commands = 0;
  ASSERT_TRUE(bench.apply());
  hosts[1]->nop(9, {}, true);
  hosts[1]->expect(pdu::Opcode::kNopIn);
  EXPECT_EQ(window_of(*hosts[1]), 128u);
}

}  // namespace
}  // namespace iscsi
