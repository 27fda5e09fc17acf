// Several queue pairs, each on a reactor of its own: the same contract, and what may go wrong between reactors.
#include <gtest/gtest.h>

#include "tests/model/qla/world.h"
#include "tests/support/log_guard.h"

namespace model_test {
namespace {

constexpr std::size_t kQueues = 4;

struct QueuesTest : testing::Test {
  World world{1, World::small(), emu::qla::isp2071(), Network::kSwitch, kQueues};
  void TearDown() override { EXPECT_EQ(world.pci.faults(), 0u); }
  void begin() {
    world.start();
    world.log_in();
  }
  // Some reads and writes of each initiator, and a few steps.
  void load(std::uint32_t each, int steps) {
    for (std::uint32_t n = 0; n < each; ++n) {
      for (std::size_t i = 0; i < world.initiators(); ++i) {
        world.initiator(i).start(world.target(), n % 2 == 0, n * 4096, 6000, std::chrono::seconds(20));
      }
    }
    world.run(steps);
  }
  void settle() { world.run(400); }  // what the pairs tell of themselves
};

struct QueueChipTest : testing::TestWithParam<const emu::qla::Chip& (*)()> {};

// hal/port/fc_port.h: queue_of() says by which queue the exchanges of a login come.
TEST_P(QueueChipTest, EachLoginByItsQueue) {
  World world(1, World::small(), GetParam()(), Network::kSwitch, kQueues);
  ASSERT_EQ(world.port->queues().size(), kQueues);
  for (std::size_t i = 1; i < kQueues; ++i) {
    EXPECT_EQ(&world.port->queues()[i]->reactor(), world.more_reactors[i - 1].get());
  }
  world.start();
  world.log_in();
  for (int i = 0; i < 10; ++i) world.expect_io();
  for (const int commands : world.user->by_queue) EXPECT_GE(commands, 20);
  world.run(1000);
  EXPECT_EQ(world.counter(qla::Count::kCommands), static_cast<std::uint64_t>(world.user->commands));
  EXPECT_EQ(world.port->info().queues, kQueues);
  EXPECT_NE(world.port->dump("rings").find("queue 3 on reactor"), std::string::npos);
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
  EXPECT_TRUE(world.stop());
  EXPECT_EQ(world.pci.faults(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Chips, QueueChipTest, testing::Values(&emu::qla::isp2031, &emu::qla::isp2071));

TEST_F(QueuesTest, AbortAtEveryPoint) {
  begin();
  for (int steps = 0; steps < 60; ++steps) {
    world.user->slow = steps % 3 == 0;
    for (std::size_t i = 0; i < world.initiators(); ++i) {
      auto& io = world.initiator(i).start(world.target(), steps % 2 == 0, 4096, 20000, std::chrono::seconds(20));
      world.run(steps);
      if (io.ended == 0) world.initiator(i).port.abort(io.id, io.tag);
    }
  }
  world.user->slow = false;
  EXPECT_TRUE(world.until([&] { return world.ended(); })) << world.port->dump("rings");
  EXPECT_GE(world.user->aborts, 30);
  world.expect_io();
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
}

// RamTarget fails the test when a command of a login comes after login_ended.
TEST_F(QueuesTest, LoginsEndAndComeAgainUnderLoad) {
  begin();
  for (int round = 0; round < 30; ++round) {
    load(3, round % 7);
    emu::fc::Station& host = world.initiator(static_cast<std::size_t>(round) % world.initiators());
    const auto what = round % 3 == 0 ? emu::fc::LoginRequest::kLogo : emu::fc::LoginRequest::kPlogiPrli;
    host.port.log_in({.tag = host.request_tag(), .vp = 0, .to = world.target(), .limit = {}}, what);
    load(1, 5);
    if (round % 5 == 4) world.log_in();
  }
  EXPECT_TRUE(world.until([&] { return world.ended(); }, std::chrono::seconds(200))) << world.port->dump("rings");
  world.log_in();
  world.expect_io();
}

TEST_F(QueuesTest, CrashWhileAllQueuesAreBusy) {
  begin();
  for (int crash = 1; crash <= 3; ++crash) {
    ExpectLog expect("firmware crash");
    load(6, 4 * crash);
    world.model.crash_firmware();
    ASSERT_TRUE(world.until([&] { return world.user->failures == crash && world.user->link_is_up; }))
        << world.port->dump("events");
    EXPECT_TRUE(world.until([&] { return world.ended(); }, std::chrono::seconds(200)));
    world.log_in();
    world.expect_io();
  }
}

TEST_F(QueuesTest, RemovalWhileAllQueuesAreBusy) {
  begin();
  world.user->slow = true;
  load(6, 6);
  EXPECT_FALSE(world.user->idle());
  ExpectLog expect("the adapter is gone");
  world.pci.remove();
  EXPECT_TRUE(world.until([&] { return world.user->failures == 1 && world.user->idle(); }));
  EXPECT_TRUE(world.user->logins.empty());
  EXPECT_TRUE(world.stop());
}

TEST_F(QueuesTest, StopWhileAllQueuesAreBusyAndStartAgain) {
  begin();
  for (int round = 0; round < 3; ++round) {
    load(6, 5 + round);
    EXPECT_TRUE(world.stop());
    EXPECT_TRUE(world.user->idle());
    EXPECT_TRUE(world.user->logins.empty());
    world.user->link_is_up = false;
    begin();
    world.expect_io();
  }
}

// What a pair has no room for stays with the adapter, and is not lost.
TEST_F(QueuesTest, APairThatIsLateLosesNothing) {
  begin();
  world.frozen = 1;
  load(400, 200);
  const int before = world.user->commands;
  world.frozen = 0;
  EXPECT_TRUE(world.until([&] { return world.ended(); }, std::chrono::seconds(200))) << world.port->dump("rings");
  EXPECT_GT(world.user->commands, before);
  settle();
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
  world.expect_io();
}

// The adapter is not reset over rings that a reactor may be writing.
TEST_F(QueuesTest, NoResetBeforeEveryPairHasLetGo) {
  begin();
  load(6, 5);
  world.frozen = 2;
  ExpectLog crash("firmware crash"), late("queues at rest: queue 2 on reactor does not answer");
  world.model.crash_firmware();
  EXPECT_TRUE(world.until([&] { return world.user->failures == 2; }));
  world.frozen = 0;
  EXPECT_TRUE(world.until([&] { return world.user->link_is_up; })) << world.port->dump("events");
  EXPECT_TRUE(world.until([&] { return world.ended(); }, std::chrono::seconds(200)));
  world.log_in();
  world.expect_io();
}

// A firmware without multi-queue: the logins are those of the first queue.
TEST(FewerQueues, FirmwareWithOne) {
  emu::qla::Chip chip = emu::qla::isp2071();
  chip.attributes = static_cast<std::uint16_t>(chip.attributes & ~qla::regs::FirmwareAttributes::MultiQueue::kMask);
  World world(1, World::small(), chip, Network::kSwitch, kQueues);
  world.start();
  world.log_in();
  world.expect_io();
  EXPECT_EQ(world.user->by_queue[0], world.user->commands);
  EXPECT_EQ(world.pci.faults(), 0u);
  EXPECT_TRUE(world.stop());
}

TEST(FewerQueues, ChipWithOne) {
  World world(1, World::small(), emu::qla::isp2532(), Network::kSwitch, 3);
  EXPECT_EQ(world.port->queues().size(), 1u);
  world.start();
  world.log_in();
  world.expect_io();
}

}  // namespace
}  // namespace model_test
