// The driver on the models of later chips: the same port, other ways to it.
#include <gtest/gtest.h>

#include "tests/model/qla/world.h"
#include "tests/support/log_guard.h"

namespace model_test {
namespace {

struct LaterChip {
  const emu::qla::Chip& (*chip)();
  std::uint32_t gigabits;
  const char* name;
};

struct LaterChipTest : testing::TestWithParam<LaterChip> {
  World world{1, World::small(), GetParam().chip()};
  void TearDown() override { EXPECT_EQ(world.pci.faults(), 0u); }
};

TEST_P(LaterChipTest, ServesAsleepAndAwake) {
  world.start();
  EXPECT_EQ(world.user->link.gigabits, GetParam().gigabits);
  EXPECT_NE(world.port->info().model.find(GetParam().name), std::string::npos);
  EXPECT_EQ(world.port->info().port_name.raw, 0x2100002400000011u);
  world.log_in();
  for (int i = 0; i < 20; ++i) world.expect_io();
  world.sleeps = true;
  for (int i = 0; i < 20; ++i) {
    world.run(100);
    const base::Time begun = world.clock.now();
    auto& io = world.io(i % 2 == 0, 4096, 8192);
    ASSERT_TRUE(world.until([&] { return io.ended != 0; }));
    EXPECT_LT(world.clock.now() - begun, std::chrono::milliseconds(20));
  }
  EXPECT_GE(world.interrupts, 20);
}

TEST_P(LaterChipTest, ManyCommandsSomeAborted) {
  world.start();
  world.log_in();
  world.user->slow = true;
  for (std::uint32_t i = 0; i < 200; ++i) {
    auto& io = world.io(i % 2 == 0, i * 1000, 5000);
    world.run(3);
    if (i % 5 == 0 && io.ended == 0) world.host.port.abort(io.id, io.tag);
  }
  world.user->slow = false;
  EXPECT_TRUE(world.until([&] { return world.user->idle(); })) << world.port->dump("rings");
  world.expect_io();
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
}

TEST_P(LaterChipTest, ComesBackAfterLinkLossAndCrash) {
  world.start();
  world.log_in();
  world.model.bounce_link();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; }));
  world.log_in();
  world.expect_io();
  ExpectLog expect("firmware crash");
  world.model.crash_firmware();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 3; })) << world.port->dump("events");
  world.log_in();
  world.expect_io();
  EXPECT_TRUE(world.stop());
}

INSTANTIATE_TEST_SUITE_P(Chips, LaterChipTest,
                         testing::Values(LaterChip{&emu::qla::isp2031, 16, "ISP2031"},
                                         LaterChip{&emu::qla::isp2071, 32, "ISP2071"},
                                         LaterChip{&emu::qla::isp2261, 16, "ISP2261"},
                                         LaterChip{&emu::qla::isp2271, 32, "ISP2271"}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace model_test
