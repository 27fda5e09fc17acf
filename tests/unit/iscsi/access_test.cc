// Unit tests of who may log in from where, of redirection, of how many sessions a target has, and of what is listed.
#include <gtest/gtest.h>

#include "fabrics/iscsi/address.h"
#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using test_support::SentPdu;

TEST(Address, SubnetsHaveWhatTheirPrefixSays) {
  struct Case {
    const char *subnet, *peer;
    bool inside;
  };
  constexpr Case kCases[] = {
      {"192.0.2.7", "192.0.2.7:1", true},
      {"192.0.2.7", "192.0.2.6:1", false},
      {"192.0.2.0/24", "192.0.2.255:65535", true},
      {"192.0.2.0/24", "192.0.3.0:1", false},
      {"192.0.2.128/25", "192.0.2.127:1", false},
      {"192.0.2.128/25", "192.0.2.128:1", true},
      {"0.0.0.0/0", "203.0.113.9:1", true},
      {"0.0.0.0/0", "[2001:db8::1]:1", false},
      {"192.0.2.0/24", "[::ffff:192.0.2.9]:1", true},  // by a socket of both kinds
      {"2001:db8::/32", "[2001:db8:ffff::1]:3260", true},
      {"2001:db8::/32", "[2001:db9::1]:3260", false},
      {"::/0", "[2001:db9::1]:3260", true},
      {"fe80::/10", "[fe80::1%eth0]:3260", true},
      {"2001:db8::1", "[2001:db8::2]:3260", false},
      {"192.0.2.0/24", "nonsense", false},
  };
  for (const auto& [subnet, peer, inside] : kCases) {
    EXPECT_TRUE(Subnet::parse(subnet)) << subnet;
    EXPECT_EQ(any_contains(std::vector<std::string>{subnet}, peer), inside) << subnet << " " << peer;
  }
}

TEST(Address, WhatIsNoSubnetIsRefused) {
  for (const char* const text :
       {"", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/8x", "192.0.2.1/24", "2001:db8::/129",
        "2001:db8::1/64", "192.0.2", "host", "192.0.2.0/24/24"}) {
    EXPECT_FALSE(Subnet::parse(text)) << text;
  }
}

TEST(Address, PortalsToBeSentTo) {
  for (const char* const text : {"192.0.2.7:3260", "[2001:db8::7]:1", "storage.example.org:65535"}) {
    EXPECT_TRUE(names_portal(text)) << text;
  }
  for (const char* const text :
       {"", ":", ":3260", "192.0.2.7", "192.0.2.7:", "192.0.2.7:0", "192.0.2.7:65536", "host:32x", "2001:db8::7:3260",
        "[2001:db8::7]", "[]:3260", "[host]:3260", "a,1:3260", "a b:3260"}) {
    EXPECT_FALSE(names_portal(text)) << text;
  }
}

struct AccessTest : testing::Test {
  IscsiBench bench;
  Target& target() { return bench.config.targets[0]; }
  // One login request of this text to the portal; what is answered.
  SentPdu answer_to(const Pairs& pairs, std::uint16_t tsih = 0) {
    Initiator host(bench, bench.connect());
    host.tsih = tsih;
    const std::string text = text_of(pairs);
    host.connection().deliver(host.login_request(0x87), std::as_bytes(std::span(text)));
    bench.settle();
    EXPECT_EQ(host.connection().sent.size(), 1u);
    return host.connection().sent.front();
  }
  SentPdu answer_to_login(std::uint16_t tsih = 0) {
    return answer_to({{"InitiatorName", kHost}, {"TargetName", kTarget}}, tsih);
  }
  std::string listed(const std::string& peer = "10.0.0.9:50000") {
    Initiator host(bench, bench.connect(peer));
    host.must_log_in({}, true);
    host.text(1, text_of({{"SendTargets", "All"}}));
    return host.expect(Opcode::kTextResponse).text();
  }
};

TEST_F(AccessTest, OnlyFromTheAddressesGiven) {
  target().initiator_addresses = {"192.0.2.0/24", "10.0.0.9"};
  ASSERT_TRUE(bench.apply());
  Initiator near(bench, bench.connect("10.0.0.9:50000")), far(bench, bench.connect("10.0.0.10:50000"));
  near.must_log_in();
  far.isid[5] = 9;
  ExpectLog expect("refused with status 0202");
  EXPECT_EQ(far.log_in(), 0x0202);
}

TEST_F(AccessTest, WithdrawnAddressEndsTheSession) {
  Initiator host(bench, bench.connect("10.0.0.9:50000"));
  host.must_log_in();
  target().initiator_addresses = {"10.0.0.0/24"};
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(bench.sessions().size(), 1u);
  target().initiator_addresses = {"10.0.1.0/24"};
  ASSERT_TRUE(bench.apply());
  EXPECT_TRUE(bench.sessions().empty());
}

// RFC 7143 11.13.5 and 13.8: the address comes without a portal group.
TEST_F(AccessTest, TargetThatMovedSendsItsInitiatorsThere) {
  target().redirection = {.address = "192.0.2.7:3260", .permanent = false};
  ASSERT_TRUE(bench.apply());
  const SentPdu temporarily = answer_to_login();
  EXPECT_EQ(temporarily.as<pdu::LoginResponse>().status, 0x0101);
  EXPECT_EQ(temporarily.as<pdu::LoginResponse>().flags & 0x80, 0);
  EXPECT_EQ(temporarily.text(), text_of({{"TargetAddress", "192.0.2.7:3260"}}));
  target().redirection.permanent = true;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(answer_to_login().as<pdu::LoginResponse>().status, 0x0102);
  EXPECT_EQ(bench.counters().redirections, 2u);
  EXPECT_EQ(bench.counters().login_failures, 0u);
  EXPECT_EQ(bench.events()[1], "redirected");
  target().redirection = {};
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(answer_to_login().as<pdu::LoginResponse>().status, 0);
}

TEST_F(AccessTest, PortalSendsNormalSessionsElsewhereAndListsTargets) {
  bench.config.portals[0].redirection = {.address = "storage.example.org:3260", .permanent = true};
  ASSERT_TRUE(bench.apply());
  const SentPdu moved = answer_to_login();
  EXPECT_EQ(moved.as<pdu::LoginResponse>().status, 0x0102);
  EXPECT_EQ(moved.text(), text_of({{"TargetAddress", "storage.example.org:3260"}}));
  EXPECT_EQ(value_in(listed(), "TargetName"), kTarget);
  bench.config.portals[0].redirection = {};
  bench.config.portals.push_back(
      {.address = "0.0.0.0:3261", .tag = 1, .redirection = {.address = "192.0.2.7:3260", .permanent = false}});
  ASSERT_TRUE(bench.apply());  // by another portal of the same group
  EXPECT_EQ(answer_to_login().as<pdu::LoginResponse>().status, 0);
}

TEST_F(AccessTest, WhatJoinsASessionIsNotSentElsewhere) {
  target().max_connections = 2;
  ASSERT_TRUE(bench.apply());
  Initiator leading(bench, bench.connect()), second(bench, bench.connect("10.0.0.9:50001"));
  leading.must_log_in({{"MaxConnections", "2"}});
  target().redirection = {.address = "192.0.2.7:3260", .permanent = false};
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(second.join(leading, 2), 0);
}

TEST_F(AccessTest, TargetHasSoManySessionsAndOneThatIsReinstatedCountsOnce) {
  target().max_sessions = 2;
  ASSERT_TRUE(bench.apply());
  Initiator first(bench, bench.connect()), second(bench, bench.connect()), third(bench, bench.connect()),
      again(bench, bench.connect()), fourth(bench, bench.connect());
  second.isid[5] = 2;
  third.isid[5] = fourth.isid[5] = 3;
  first.must_log_in();
  second.must_log_in();
  ExpectLog expect("refused with status 0302");
  EXPECT_EQ(third.log_in(), 0x0302);
  again.must_log_in();      // in the place of the first
  EXPECT_NE(listed(), "");  // a discovery session is none of the target's
  again.logout();
  bench.advance(std::chrono::seconds(2));
  fourth.must_log_in();
  EXPECT_EQ(bench.sessions().size(), 3u);  // with that of discovery
}

TEST_F(AccessTest, ListingAsTheSettingsSay) {
  Target hidden, second;
  hidden.name = "iqn.2026-01.test:hidden";
  hidden.initiator_addresses = {"192.0.2.0/24"};
  second.name = "iqn.2026-01.test:second";
  second.portal_groups = {1, 2};
  bench.config.targets = {hidden, second};
  bench.config.portals.push_back({.address = "10.0.0.2:3260", .tag = 2});
  ASSERT_TRUE(bench.apply());
  const std::string both = text_of(
      {{"TargetName", second.name}, {"TargetAddress", "10.0.0.1:3260,1"}, {"TargetAddress", "10.0.0.2:3260,2"}});
  EXPECT_EQ(listed(), both);
  EXPECT_EQ(value_in(listed("192.0.2.7:1"), "TargetName"), hidden.name);
  bench.config.listing.other_portal_groups = false;
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(listed(), text_of({{"TargetName", second.name}, {"TargetAddress", "10.0.0.1:3260,1"}}));
  bench.config.listing = {.forbidden = true, .other_portal_groups = true};
  ASSERT_TRUE(bench.apply());
  EXPECT_EQ(listed(), text_of({{"TargetName", hidden.name}, {"TargetAddress", "10.0.0.1:3260,1"}}) + both);
}

TEST_F(AccessTest, SettingsThatMakeNoSenseAreRefused) {
  const FabricConfig good = bench.config;
  const auto refused = [&](auto change) {
    bench.config = good;
    change(bench.config);
    return !bench.apply();
  };
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].initiator_addresses = {"192.0.2.1/24"}; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].redirection.address = "nowhere"; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.targets[0].redirection.permanent = true; }));
  EXPECT_TRUE(refused([](FabricConfig& config) { config.portals[0].redirection.address = "192.0.2.7"; }));
  bench.config = good;
}

}  // namespace
}  // namespace iscsi
