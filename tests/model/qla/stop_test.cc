// How long a port takes to go off the link: as long as a LOGO that nobody answers is waited for, and not longer.
#include <gtest/gtest.h>

#include "tests/model/qla/world.h"

namespace model_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Duration kFarewell = seconds(2);  // E_D_TOV

qla::Options with_virtual_port() {
  qla::Options options = World::small();
  options.virtual_ports.push_back({"vp1", {0x2100002400000101}, {}});
  options.virtual_exchanges = 64;
  return options;
}

struct StopTest : testing::Test {
  World world{1, with_virtual_port()};
  RamTarget tenant{*world.port->virtual_ports().at(0), 7};

  void begin() {
    world.port->virtual_ports().at(0)->start(tenant);
    world.start();
    ASSERT_TRUE(world.until([&] { return tenant.link_is_up; }));
    world.log_in();
    for (int attempt = 0; attempt < 10 && tenant.logins.empty(); ++attempt) {
      const std::uint32_t tag = world.host.request_tag();
      world.host.port.log_in({.tag = tag, .vp = 0, .to = tenant.link.id, .limit = {}},
                             emu::fc::LoginRequest::kPlogiPrli);
      world.until([&] { return world.host.answered(tag); });
      world.until([&] { return !tenant.logins.empty(); }, milliseconds(200));
    }
    ASSERT_FALSE(tenant.logins.empty());
  }
  // No LOGO, no light: the switch still takes frames for it, and nothing comes back.
  void vanish() {
    world.host_link.set_judge([](unsigned, const auto&, const auto&) { return emu::fc::Fate::kDrop; });
  }
  base::Duration stop(hal::fc::FcPort& port) {
    const base::Time before = world.clock.now();
    bool stopped = false;
    port.stop([&] { stopped = true; });
    EXPECT_TRUE(world.until([&] { return stopped; })) << world.port->dump("rings");
    return world.clock.now() - before;
  }
};

TEST_F(StopTest, AnInitiatorThatAnswersIsNotWaitedFor) {
  begin();
  EXPECT_LT(stop(*world.port->virtual_ports().at(0)), milliseconds(500));
  EXPECT_LT(stop(*world.port), milliseconds(500));
}

TEST_F(StopTest, AnInitiatorThatHasVanishedIsWaitedForAMoment) {
  begin();
  vanish();
  EXPECT_LE(stop(*world.port->virtual_ports().at(0)), kFarewell + milliseconds(500));
  EXPECT_LE(stop(*world.port), kFarewell + milliseconds(500));
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
}

TEST_F(StopTest, TransfersToWhoHasVanishedEndWithIts) {
  begin();
  for (std::uint32_t i = 0; i < 8; ++i) world.io(true, i * 8192, 8192);
  for (std::uint32_t i = 0; i < 8; ++i) {
    world.host.start(tenant.link.id, i % 2 == 0, i * 8192, 8192, seconds(20));
  }
  ASSERT_TRUE(world.until([&] { return world.user->used() != 0 && tenant.used() != 0; }));
  vanish();
  world.run(200);  // XFER_RDYs are out by now
  EXPECT_LE(stop(*world.port->virtual_ports().at(0)), kFarewell + milliseconds(500));
  EXPECT_LE(stop(*world.port), kFarewell + milliseconds(500));
  EXPECT_TRUE(world.user->idle() && tenant.idle());
}

}  // namespace
}  // namespace model_test
