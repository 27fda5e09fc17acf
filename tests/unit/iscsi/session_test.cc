// Unit tests of sessions and of the fabric as a whole: reinstatement, TSIH, limits, changes of the configuration, ends.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test_support::FakeConnection;

struct SessionTest : testing::Test {
  IscsiBench bench;
  FakeRouter& core() { return *bench.router; }
};

TEST_F(SessionTest, LoginMakesANexusAndIsListed) {
  Initiator host(bench, bench.connect());
  host.must_log_in({{"InitiatorAlias", "my host"}, {"HeaderDigest", "CRC32C"}});
  ASSERT_EQ(core().nexuses.size(), 1u);
  EXPECT_TRUE(host.connection().enabled);
  EXPECT_TRUE(host.connection().keys.header_digest);
  const auto sessions = bench.sessions();
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].initiator, kHost);
  EXPECT_EQ(sessions[0].alias, "my host");
  EXPECT_EQ(sessions[0].target, kTarget);
  EXPECT_EQ(sessions[0].isid, "0x00023d000001");
  EXPECT_EQ(sessions[0].tsih, host.tsih);
  EXPECT_EQ(sessions[0].authentication, "none");
  ASSERT_EQ(sessions[0].connections.size(), 1u);
  EXPECT_EQ(sessions[0].connections[0].peer, "10.0.0.9:50000");
  EXPECT_EQ(bench.counters().logins, 1u);
}

TEST_F(SessionTest, WhatHappensIsKeptAsEvents) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  host.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_EQ(bench.events(), (std::vector<std::string>{"connected", "logged in", "connection over", "session ended"}));
}

TEST_F(SessionTest, LostConnectionEndsTheNexus) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  host.read(1, 512);
  std::vector<std::byte> data(512);
  core().send(core().command(1), data, false);
  host.read(2, 512);
  host.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_EQ(core().lost.size(), 1u);
  EXPECT_TRUE(core().nexuses.empty());
  EXPECT_TRUE(bench.sessions().empty());
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
}

TEST_F(SessionTest, SameNexusReinstatesTheSessionAfterTheOldOneIsGone) {
  Initiator first(bench, bench.connect());
  first.must_log_in();
  first.read(1, 512);
  const std::uint16_t old_tsih = first.tsih;
  core().hold_quiet = true;
  Initiator second(bench, bench.connect("10.0.0.9:50001"));
  EXPECT_EQ(second.log_in(), 0xffff) << "answered before the old session was gone";
  EXPECT_EQ(core().lost.size(), 1u);
  EXPECT_FALSE(bench.alive(first.connection()));
  core().release_quiet();
  const auto response = [&] {
    bench.settle();
    return second.connection().sent.front();
  }();
  EXPECT_EQ(response.as<pdu::LoginResponse>().status, 0);
  EXPECT_NE(response.as<pdu::LoginResponse>().tsih, old_tsih);
  EXPECT_EQ(bench.sessions().size(), 1u);
}

TEST_F(SessionTest, StormOfReinstatementsLeavesOneSession) {
  std::vector<std::unique_ptr<Initiator>> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(std::make_unique<Initiator>(bench, bench.connect("10.0.0.9:" + std::to_string(50000 + i))));
    const std::string text = text_of({{"InitiatorName", kHost}, {"TargetName", kTarget}});
    all.back()->connection().deliver(all.back()->login_request(0x87),
                                     {reinterpret_cast<const std::byte*>(text.data()), text.size()});
    if (i % 7 == 0) bench.settle();
  }
  bench.settle();
  EXPECT_EQ(bench.sessions().size(), 1u);
  EXPECT_EQ(core().nexuses.size(), 1u);
}

TEST_F(SessionTest, OtherIsidOtherNameAreOtherSessions) {
  Initiator first(bench, bench.connect()), second(bench, bench.connect()), third(bench, bench.connect());
  first.must_log_in();
  second.isid[5] = 2;
  second.must_log_in();
  third.name = "iqn.2026-01.test:other";
  third.must_log_in();
  EXPECT_EQ(bench.sessions().size(), 3u);
  EXPECT_NE(first.tsih, second.tsih);
  EXPECT_NE(first.tsih, third.tsih);
}

TEST_F(SessionTest, OtherPortalGroupIsAnotherSession) {
  bench.config.portals.push_back({.address = "10.0.0.2:3260", .tag = 2});
  bench.config.targets[0].portal_groups = {1, 2};
  ASSERT_TRUE(bench.apply());
  Initiator first(bench, bench.connect()), second(bench, bench.connect("10.0.0.9:50001", 1));
  first.must_log_in();
  second.must_log_in();
  EXPECT_EQ(bench.sessions().size(), 2u);
  ASSERT_EQ(core().nexuses.size(), 2u);
  EXPECT_EQ(core().nexuses[0]->port.identity().relative_id, 1);
  EXPECT_EQ(core().nexuses[1]->port.identity().relative_id, 2);
  EXPECT_EQ(core().nexuses[1]->port.identity().port_name, std::string(kTarget) + ",t,0x0002");
}

TEST_F(SessionTest, TsihOfNoSessionIsRefusedAndOneOfAFullSession) {
  ExpectLog expect("refused with status 020a");
  Initiator stranger(bench, bench.connect());
  stranger.tsih = 99;
  EXPECT_EQ(stranger.log_in(), 0x020a);
  ExpectLog full("refused with status 0206");
  Initiator host(bench, bench.connect()), second(bench, bench.connect());
  host.must_log_in();
  second.tsih = host.tsih;
  second.cid = 2;
  EXPECT_EQ(second.log_in(), 0x0206);
  EXPECT_EQ(bench.counters().login_failures, 2u);
}

TEST_F(SessionTest, ConnectionThatDiesWhileItsSessionIsMadeLeavesNothing) {
  Initiator host(bench, bench.connect());
  const std::string text = text_of({{"InitiatorName", kHost}, {"TargetName", kTarget}});
  host.connection().deliver(host.login_request(0x87), {reinterpret_cast<const std::byte*>(text.data()), text.size()});
  host.connection().lose(hal::CloseReason::kTransportError);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
  Initiator again(bench, bench.connect());
  again.must_log_in();
}

// --- login at the connection ---

TEST_F(SessionTest, EveryOtherFirstPduClosesTheConnection) {
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    if ((opcode & 0x3f) == 0x03) continue;
    bench.advance(seconds(2));  // for the log's budget
    ExpectLog expect("something else than a login request");
    FakeConnection& connection = bench.connect();
    pdu::BasicHeader header;
    header.opcode = static_cast<std::uint8_t>(opcode);
    connection.deliver(header);
    EXPECT_TRUE(connection.terminated) << opcode;
    EXPECT_TRUE(connection.sent.empty());
    bench.settle();
    EXPECT_TRUE(bench.datamover.connections.back()->destroyed);
  }
}

TEST_F(SessionTest, LoginHasADeadline) {
  ExpectLog expect("login took too long");
  FakeConnection& connection = bench.connect();
  bench.advance(seconds(14));
  EXPECT_TRUE(bench.alive(connection));
  bench.advance(seconds(2));
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
}

TEST_F(SessionTest, DeadlineIsThatOfTheWholeLogin) {
  ExpectLog expect("login took too long");
  Initiator host(bench, bench.connect());
  const std::string text = text_of({{"InitiatorName", kHost}, {"TargetName", kTarget}});
  host.connection().deliver(host.login_request(0x04), {reinterpret_cast<const std::byte*>(text.data()), text.size()});
  for (int i = 0; i < 16 && !bench.datamover.connections[0]->destroyed; ++i) {
    bench.advance(seconds(1));
    if (!bench.datamover.connections[0]->destroyed) host.connection().deliver(host.login_request(0x04));
  }
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
}

TEST_F(SessionTest, PeerMayHoldOnlySoManyLogins) {
  bench.config.limits.max_logins_per_peer = 2;
  ASSERT_TRUE(bench.apply());
  FakeConnection& first = bench.connect("10.0.0.9:1");
  bench.connect("10.0.0.9:2");
  {
    ExpectLog expect("too many logins from there");
    bench.datamover.connect(0, "10.0.0.9:3", "10.0.0.1:3260");
    bench.settle();
  }
  EXPECT_EQ(bench.datamover.connections.size(), 2u);
  bench.connect("10.0.0.8:1");
  EXPECT_EQ(bench.datamover.connections.size(), 3u);
  Initiator host(bench, first);
  host.must_log_in();  // no longer in login
  bench.connect("10.0.0.9:4");
  EXPECT_EQ(bench.datamover.connections.size(), 4u);
  EXPECT_EQ(bench.counters().connections_refused, 1u);
}

TEST_F(SessionTest, ConnectionsOfAllKindsAreLimited) {
  bench.config.limits.max_connections = 1;
  ASSERT_TRUE(bench.apply());
  FakeConnection& only = bench.connect();
  ExpectLog expect("too many connections");
  bench.datamover.connect(0, "10.0.0.7:3", "10.0.0.1:3260");
  bench.settle();
  EXPECT_EQ(bench.datamover.connections.size(), 1u);
  only.lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  bench.connect();
  EXPECT_EQ(bench.datamover.connections.size(), 2u);
}

// --- configuration ---

TEST_F(SessionTest, WithdrawnAccessEndsTheSessionBeforeTheChangeIsReported) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  core().hold_quiet = true;
  bench.config.targets[0].initiators = {"iqn.2026-01.test:somebody"};
  bool done = false;
  bench.fabric->apply(bench.config, [&](const base::Result<void>& result) { done = result.has_value(); });
  bench.settle();
  EXPECT_EQ(core().lost.size(), 1u);
  EXPECT_FALSE(done);
  core().release_quiet();
  bench.settle();
  EXPECT_TRUE(done);
}

TEST_F(SessionTest, ChangeThatDoesNotConcernASessionLeavesItAlone) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  bench.config.targets[0].alias = "renamed";
  bench.config.targets[0].command_window = 7;
  Target other;
  other.name = "iqn.2026-01.test:other";
  bench.config.targets.insert(bench.config.targets.begin(), other);
  ASSERT_TRUE(bench.apply());
  EXPECT_TRUE(core().lost.empty());
  EXPECT_EQ(bench.sessions().size(), 1u);
}

TEST_F(SessionTest, RemovedTargetEndsItsSessions) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  bench.config.targets.clear();
  ASSERT_TRUE(bench.apply());
  EXPECT_TRUE(bench.sessions().empty());
  EXPECT_EQ(core().lost.size(), 1u);
}

TEST_F(SessionTest, LoginUnderWayMeetsTheNewSettingsWhenItsSessionIsMade) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  core().hold_quiet = true;
  Initiator second(bench, bench.connect());
  ASSERT_EQ(second.log_in(), 0xffff);  // waits for the first to go
  bench.config.targets.clear();
  bench.fabric->apply(bench.config, [](const base::Result<void>&) {});
  bench.settle();
  ExpectLog expect("refused with status 0204");
  core().release_quiet();
  bench.settle();
  ASSERT_FALSE(second.connection().sent.empty());
  EXPECT_EQ(second.connection().sent.front().as<pdu::LoginResponse>().status, 0x0204);
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(SessionTest, PortalsAreOpenedAndClosedAllOrNothing) {
  bench.config.portals = {{.address = "10.0.0.1:3260", .tag = 1}, {.address = "10.0.0.2:0", .tag = 1}};
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(bench.fabric->portal_addresses(), (std::vector<std::string>{"10.0.0.1:3260", "10.0.0.2:40000"}));
  bench.datamover.refuse_address = "10.0.0.4:3260";
  FabricConfig good = bench.config;
  bench.config.portals = {{.address = "10.0.0.3:3260", .tag = 1}, {.address = "10.0.0.4:3260", .tag = 1}};
  bench.config.targets.clear();
  EXPECT_FALSE(bench.apply());
  EXPECT_EQ(bench.datamover.listening, (std::vector<std::string>{"10.0.0.1:3260", "10.0.0.2:0"}));
  bench.config = good;
  bench.config.portals.erase(bench.config.portals.begin());
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(bench.datamover.listening, (std::vector<std::string>{"10.0.0.2:0"}));
  Initiator host(bench, bench.connect());
  host.must_log_in();  // the target was not taken away by the change that failed
}

TEST_F(SessionTest, RelativePortIdentifiersStayWithTheirTargets) {
  Target other;
  other.name = "iqn.2026-01.test:another";
  bench.config.targets.insert(bench.config.targets.begin(), other);
  ASSERT_TRUE(bench.apply());
  Initiator host(bench, bench.connect());
  host.must_log_in();
  EXPECT_EQ(core().nexuses[0]->port.identity().relative_id, 1) << "came first, keeps its number";
}

TEST_F(SessionTest, ConfigurationsThatMakeNoSenseAreRefused) {
  const FabricConfig good = bench.config;
  const Account account{.user = "u", .secret = "twelve chars", .mutual_user = "", .mutual_secret = ""};
  const auto refused = [&](auto&& change) {
    bench.config = good;
    change(bench.config);
    return !bench.apply().has_value();
  };
  const auto with = [&](std::vector<Account> accounts) {
    return [accounts](FabricConfig& config) { config.targets[0].authentication.accounts = accounts; };
  };
  EXPECT_FALSE(refused(with({account})));
  EXPECT_TRUE(refused(with({account, account})));
  Account bad = account;
  bad.secret = "eleven char";
  EXPECT_TRUE(refused(with({bad})));
  bad.secret = std::string(256, 's');
  EXPECT_TRUE(refused(with({bad})));
  bad = account;
  bad.user.clear();
  EXPECT_TRUE(refused(with({bad})));
  bad = account;
  bad.mutual_user = "t";
  bad.mutual_secret = account.secret;
  EXPECT_TRUE(refused(with({bad}))) << "one secret in both directions";
  bad.mutual_secret = "another secret";
  EXPECT_FALSE(refused(with({bad})));
  bad.mutual_user.clear();
  EXPECT_TRUE(refused(with({bad})));
  bad = account;
  bad.user = "v";
  EXPECT_TRUE(refused(with({account, bad}))) << "one secret for two users";
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].name = "disk"; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets.push_back(config.targets[0]); }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].command_window = 0; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].portal_groups = {1, 1}; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].keys.max_burst_length = 511; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].keys.max_recv_data_segment_length = 262145; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].keys.first_burst_length = 0; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].keys.max_outstanding_r2t = 5; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].keys.default_time2retain = 3601; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.portals[0].address = "localhost"; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.discovery.algorithms.clear(); }));
}

// --- ends ---

TEST_F(SessionTest, AskedToLogOutAnInitiatorDoes) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  bool done = false;
  bench.fabric->logout_session(bench.sessions()[0].id, seconds(5),
                               [&](const base::Result<void>& result) { done = result.has_value(); });
  const auto message = host.expect(Opcode::kAsyncMessage);
  EXPECT_EQ(message.as<pdu::AsyncMessage>().async_event, 1);
  EXPECT_EQ(message.as<pdu::AsyncMessage>().parameter3, 5);
  host.read(1, 0);  // it may finish what it has to do
  core().complete(core().command(1));
  host.expect_status(1);
  EXPECT_FALSE(done);
  host.logout();
  bench.settle();
  EXPECT_TRUE(done);
}

TEST_F(SessionTest, RequestToLogOutThatIsIgnoredEndsInDisconnection) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  bool done = false;
  bench.fabric->logout_session(bench.sessions()[0].id, seconds(5),
                               [&](const base::Result<void>& result) { done = result.has_value(); });
  bench.settle();
  bench.advance(milliseconds(4900));
  EXPECT_FALSE(done);
  bench.advance(milliseconds(200));
  EXPECT_TRUE(done);
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
}

// RFC 7143 11.9.1: event 0 with sense data; once for what happens within half a second.
TEST_F(SessionTest, ChangedLogicalUnitsAreReportedOnceForAll) {
  Initiator host(bench, bench.connect()), other(bench, bench.connect());
  host.must_log_in();
  other.isid[5] = 2;
  other.must_log_in();
  scsi::Nexus& nexus = *core().nexuses[0];
  for (int i = 0; i < 3; ++i) nexus.port.logical_units_changed(nexus);
  bench.settle();
  host.expect_nothing();
  bench.advance(milliseconds(500));
  const auto message = host.expect(Opcode::kAsyncMessage);
  EXPECT_EQ(message.as<pdu::AsyncMessage>().async_event, 0);
  ASSERT_EQ(message.data.size(), 20u);
  const auto at = [&](std::size_t i) { return static_cast<int>(message.data[i]); };
  EXPECT_EQ(at(1), 18);                     // SenseLength
  EXPECT_EQ(at(2), 0x70);                   // fixed format
  EXPECT_EQ(at(4), 6);                      // UNIT ATTENTION
  EXPECT_EQ(at(14) << 8 | at(15), 0x3f0e);  // REPORTED LUNS DATA HAS CHANGED
  host.expect_nothing();
  other.expect_nothing();
  EXPECT_EQ(bench.events().back(), "told that logical units changed");
}

TEST_F(SessionTest, ChangedLogicalUnitsAreNotReportedWhereTheTargetSaysSo) {
  bench.config.targets[0].report_changes = false;
  ASSERT_TRUE(bench.apply());
  Initiator host(bench, bench.connect());
  host.must_log_in();
  core().nexuses[0]->port.logical_units_changed(*core().nexuses[0]);
  bench.advance(seconds(1));
  host.expect_nothing();
}

TEST_F(SessionTest, ChangedLogicalUnitsOfASessionThatEndsAreNoAffairOfAnybody) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  core().nexuses[0]->port.logical_units_changed(*core().nexuses[0]);
  host.connection().lose(hal::CloseReason::kPeerClosed);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
  bench.advance(seconds(1));
}

TEST_F(SessionTest, SessionsThatDoNotExistCannotBeLoggedOut) {
  base::Result<void> outcome;
  bench.fabric->logout_session(77, seconds(1), [&](base::Result<void> result) { outcome = std::move(result); });
  bench.settle();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, base::Errc::kNotFound);
}

TEST_F(SessionTest, StopAsksEverybodyAndTakesNobodyNew) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  FakeConnection& in_login = bench.connect();
  bool done = false;
  bench.fabric->stop(seconds(3), [&](const base::Result<void>& result) { done = result.has_value(); });
  bench.settle();
  host.expect(Opcode::kAsyncMessage);
  EXPECT_TRUE(bench.datamover.listening.empty());
  EXPECT_FALSE(bench.alive(in_login));
  EXPECT_FALSE(done);
  bench.advance(seconds(4));
  EXPECT_TRUE(done);
}

TEST_F(SessionTest, CoreMayEndANexus) {
  Initiator host(bench, bench.connect());
  host.must_log_in();
  core().nexuses[0]->port.end_nexus(*core().nexuses[0]);
  EXPECT_TRUE(core().lost.empty()) << "never from inside the call";
  bench.settle();
  EXPECT_EQ(core().lost.size(), 1u);
  EXPECT_TRUE(bench.sessions().empty());
}

}  // namespace
}  // namespace iscsi
