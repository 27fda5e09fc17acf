// Point to point: who logs in to whom, and again.
#include "hal/port/fc_els.h"
#include "tests/support/log_guard.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

using hal::fc::FcpService;
using hal::fc::LinkServiceKind;
using Service = FcInitiator::Service;

TEST(FcpPeerLogin, TheLargerNameLogsInUntilItSucceeds) {
  FcTarget target({.light = false});
  target.port.peer = {{2}, kHostA, {}};
  ASSERT_LT(kHostA, (hal::fc::Wwn{0x5001438000000001}));
  target.port.peer_refuses = 2;
  target.port.light(true, hal::fc::Topology::kPointToPoint);
  target.settle();
  EXPECT_EQ(target.port.peer_logins, 1u);
  for (int i = 0; i < 10; ++i) target.loop.advance(std::chrono::seconds(1));
  EXPECT_EQ(target.port.peer_logins, 3u);
  FcInitiator& host = target.port.initiator(kHostA, {2});  // knows of our PLOGI: asks for the process login at once
  host.ask(LinkServiceKind::kAdisc);
  target.settle();
  EXPECT_EQ(host.last(), Service::kAccepted);
  host.ask(LinkServiceKind::kPrli, FcpService::kInitiator);
  target.settle();
  EXPECT_TRUE(host.open());
}

TEST(FcpPeerLogin, TheSmallerNameWaits) {
  FcTarget target({.light = false});
  target.port.peer = {{1}, {0x5001438000000002}, {}};
  target.port.light(true, hal::fc::Topology::kPointToPoint);
  target.settle();
  EXPECT_EQ(target.port.peer_logins, 0u);
  EXPECT_TRUE(target.log_in({0x5001438000000002}, 1).open());
}

TEST(FcpPeerLogin, EndsWithTheLink) {
  FcTarget target({.light = false});
  target.port.peer = {{2}, kHostA, {}};
  target.port.peer_refuses = 100;
  target.port.light(true, hal::fc::Topology::kPointToPoint);
  target.settle();
  target.port.light(false);
  target.settle();
  for (int i = 0; i < 10; ++i) target.loop.advance(std::chrono::seconds(1));
  EXPECT_EQ(target.port.peer_logins, 1u);
}

// A peer that has logged out waits for the PLOGI of the larger name.
struct FcpPeerLogout : testing::Test {
  FcTarget target{{.light = false}};
  FcInitiator* host = nullptr;
  void SetUp() override {
    target.port.peer = {{2}, kHostA, {}};
    target.port.light(true, hal::fc::Topology::kPointToPoint);
    target.settle();
    host = &target.port.initiator(kHostA, {2});
  }
  void process_login() {
    host->ask(LinkServiceKind::kPrli, FcpService::kInitiator);
    target.settle();
    EXPECT_TRUE(host->open());
  }
  void log_out() {
    host->ask(LinkServiceKind::kLogo);
    target.settle();
    EXPECT_EQ(host->last(), Service::kAccepted);
  }
  void wait(int seconds) {
    for (int i = 0; i < seconds; ++i) target.loop.advance(std::chrono::seconds(1));
  }
};

TEST_F(FcpPeerLogout, OurPlogiComesAgain) {
  process_login();
  EXPECT_EQ(target.port.peer_logins, 1u);
  log_out();
  EXPECT_EQ(target.port.peer_logins, 1u);  // not at once
  wait(1);
  EXPECT_EQ(target.port.peer_logins, 2u);
  process_login();
  log_out();
  wait(1);  // the pause does not grow while it makes process logins
  EXPECT_EQ(target.port.peer_logins, 3u);
  target.port.peer_refuses = 5;
  process_login();
  log_out();
  wait(20);
  EXPECT_EQ(target.port.peer_logins, 6u);  // the fourth and fifth are refused
}

TEST_F(FcpPeerLogout, WhoOnlyLogsOutIsLeftAlone) {
  ExpectLog expect("has logged out too often");
  log_out();
  wait(1);
  EXPECT_EQ(target.port.peer_logins, 2u);
  log_out();
  wait(1);
  EXPECT_EQ(target.port.peer_logins, 2u);
  wait(1);
  EXPECT_EQ(target.port.peer_logins, 3u);
  for (int i = 0; i < 20; ++i) {
    log_out();
    wait(31);
  }
  EXPECT_EQ(target.port.peer_logins, 1u + 10u);
  EXPECT_EQ(expect.count(), 1);
  target.port.light(false);
  target.port.light(true, hal::fc::Topology::kPointToPoint);
  target.settle();
  EXPECT_EQ(target.port.peer_logins, 12u);
}

TEST_F(FcpPeerLogout, NotWhenItComesByItselfOrTheLinkGoes) {
  process_login();
  log_out();
  host->log_in();
  target.settle();
  wait(40);
  EXPECT_EQ(target.port.peer_logins, 1u);
  EXPECT_TRUE(host->open());
  log_out();
  target.port.light(false);
  wait(40);
  EXPECT_EQ(target.port.peer_logins, 1u);
}

TEST_F(FcpPeerLogout, OursIsFollowedByAPlogi) {
  process_login();
  const std::uint64_t id = target.sessions().at(0).id;
  EXPECT_TRUE(target.wait([&](scsi::Done done) { target.fabric->logout_session(id, std::move(done)); }));
  wait(1);
  EXPECT_EQ(target.port.peer_logins, 2u);
  process_login();
}

TEST_F(FcpPeerLogout, NobodyIsAskedWhoMayNotLogIn) {
  process_login();
  target.config.ports[0].initiators = {to_string(kHostB)};
  EXPECT_TRUE(target.apply());
  EXPECT_FALSE(host->open());
  wait(40);
  EXPECT_EQ(target.port.peer_logins, 1u);
}

}  // namespace
}  // namespace fcp_test
