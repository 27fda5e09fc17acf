// The driver on a link without a fabric: its own PLOGI (entry 53) to the other port, and what becomes of it.
#include <gtest/gtest.h>

#include "hal/port/fc_els.h"
#include "tests/model/qla/world.h"

namespace model_test {
namespace {

using hal::fc::Els;
using hal::fc::FrameHeader;

struct CableTest : testing::Test {
  World world{1, World::small(), emu::qla::isp2532(), Network::kCable};
  hal::fc::RemotePort peer() const { return world.user->link.peer; }
  void begin() {
    world.start();
    ASSERT_EQ(world.user->link.topology, hal::fc::Topology::kPointToPoint);
    ASSERT_EQ(peer().port_name.raw, 0x2100002400000002u);
    ASSERT_GT(world.port->info().port_name, peer().port_name);
  }
  void log_in_to_peer(int answers) {
    world.port->log_in(peer().id);
    ASSERT_TRUE(world.until([&] { return world.user->login_answers == answers; })) << world.port->dump("events");
  }
  // The frames of an ELS from the target, or to it.
  void judge(std::uint8_t command, emu::fc::Fate fate) {
    world.target_link.set_judge([=](unsigned, const FrameHeader& header, std::span<const std::byte> payload) {
      const bool els = header.r_ctl == hal::fc::RCtl::kElsRequest && emu::fc::command_of(payload) == command;
      return els ? fate : emu::fc::Fate::kPass;
    });
  }
  void process_login() {
    const std::uint32_t tag = world.host.request_tag();
    world.host.port.log_in({.tag = tag, .vp = 0, .to = world.target(), .limit = {}}, emu::fc::LoginRequest::kPrli);
    ASSERT_TRUE(world.until([&] { return world.host.answered(tag) && world.logged_in(); }));
  }
};

// FC-LS-3 6.2.2.4: the larger name gives both addresses by its PLOGI; the process login is the other port's affair.
TEST_F(CableTest, ThePlogiIsAccepted) {
  begin();
  log_in_to_peer(1);
  EXPECT_EQ(world.user->good_login_answers, 1);
  process_login();
  for (int i = 0; i < 10; ++i) world.expect_io();
  EXPECT_EQ(world.pci.faults(), 0u);
}

TEST_F(CableTest, ThePlogiIsRefused) {
  world.host.port.settings().els[Els::kPlogi] = emu::fc::Handling::kHold;
  begin();
  world.port->log_in(peer().id);
  ASSERT_TRUE(world.until([&] { return world.host.els_ids.size() == 1; }));
  EXPECT_EQ(world.host.els_commands[0], Els::kPlogi);
  world.host.port.answer(world.host.els_ids[0], false, hal::fc::LsRjt::kLogicalBusy, 0);
  ASSERT_TRUE(world.until([&] { return world.user->login_answers == 1; }));
  EXPECT_EQ(world.user->good_login_answers, 0);
  world.port->log_in(peer().id);  // and again
  ASSERT_TRUE(world.until([&] { return world.host.els_ids.size() == 2; }));
  world.host.port.answer(world.host.els_ids[1], true);
  ASSERT_TRUE(world.until([&] { return world.user->good_login_answers == 1; }));
  process_login();
  world.expect_io();
  EXPECT_EQ(world.pci.faults(), 0u);
}

TEST_F(CableTest, ThePlogiIsLost) {
  begin();
  judge(Els::kPlogi, emu::fc::Fate::kDrop);
  const base::Time before = world.clock.now();
  log_in_to_peer(1);
  EXPECT_EQ(world.user->good_login_answers, 0);
  EXPECT_GE(world.clock.now() - before, std::chrono::seconds(20));  // twice R_A_TOV
  world.target_link.set_judge(nullptr);
  log_in_to_peer(2);
  EXPECT_EQ(world.user->good_login_answers, 1);
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
  process_login();
  world.expect_io();
}

TEST_F(CableTest, TheLinkGoesWhileItIsOut) {
  begin();
  judge(Els::kPlogi, emu::fc::Fate::kDrop);
  world.port->log_in(peer().id);
  world.run(100);
  world.target_link.set_judge(nullptr);
  world.model.bounce_link();
  ASSERT_TRUE(world.until([&] { return world.user->login_answers == 1 && world.user->link_ups == 2; }));
  EXPECT_EQ(world.user->good_login_answers, 0);
  log_in_to_peer(2);
  EXPECT_EQ(world.user->good_login_answers, 1);
}

// After a LOGO of the other port our PLOGI is what brings it back.
TEST_F(CableTest, AfterALogoThePlogiComesAgain) {
  begin();
  for (int round = 1; round <= 3; ++round) {
    log_in_to_peer(round);
    ASSERT_EQ(world.user->good_login_answers, round);
    process_login();
    world.expect_io();
    const std::uint32_t tag = world.host.request_tag();
    world.host.port.log_in({.tag = tag, .vp = 0, .to = world.target(), .limit = {}}, emu::fc::LoginRequest::kLogo);
    ASSERT_TRUE(world.until([&] { return world.host.answered(tag) && world.user->logins.empty(); }));
  }
  EXPECT_EQ(world.pci.faults(), 0u);
}

}  // namespace
}  // namespace model_test
