// The driver on its model under everything at once, in the order that a seed draws; every seed must end well.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "tests/model/qla/world.h"
#include "tests/support/log_guard.h"

namespace model_test {
namespace {

enum class Mishap { kNone, kBounce, kCrash, kLogout, kReset, kRelogin };

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* const wanted = std::getenv(name);
  return wanted == nullptr ? otherwise : std::strtoull(wanted, nullptr, 10);
}

void happen(World& world, Mishap mishap) {
  const auto log = [&](emu::fc::LoginRequest what) {
    if (world.host.port.link() == nullptr) return;
    world.host.port.log_in({.tag = world.host.request_tag(), .vp = 0, .to = world.target(), .limit = {}}, what);
  };
  switch (mishap) {
    case Mishap::kBounce:
      return world.model.bounce_link();
    case Mishap::kCrash:
      return world.model.crash_firmware();
    case Mishap::kLogout:
      return log(emu::fc::LoginRequest::kLogo);
    case Mishap::kRelogin:
      return log(emu::fc::LoginRequest::kPlogiPrli);
    case Mishap::kReset:
      world.special(0, hal::fc::FcpCmnd::kTargetReset);
      return;
    case Mishap::kNone:
      return;
  }
}

void run_seed(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  // One in four on a chip with several queues, each with a reactor and an initiator.
  const std::size_t queues = seed % 4 == 3 ? 2 + seed / 4 % 3 : 1;
  World world(seed, World::small(), queues == 1 ? emu::qla::isp2532() : emu::qla::isp2071(), Network::kSwitch, queues);
  world.tick = std::chrono::microseconds(50 + world.random.below(500));
  world.sleeps = world.random.below(2) == 0;
  world.start();
  world.log_in();
  if (testing::Test::HasFatalFailure()) return;
  const auto mishap = static_cast<Mishap>(world.random.below(6));
  std::optional<ExpectLog> expect;
  if (mishap == Mishap::kCrash) expect.emplace("firmware crash");
  const auto when = world.random.below(60);
  for (std::uint64_t i = 0; i < 60; ++i) {
    world.user->slow = world.random.below(4) == 0;
    const auto at = static_cast<std::uint32_t>(world.random.below(RamTarget::kBytes));
    emu::fc::Station& host = world.initiator(world.random.below(world.initiators()));
    auto& io = host.start(world.target(), world.random.below(2) == 0, at,
                          1 + static_cast<std::uint32_t>(world.random.below(30000)), std::chrono::seconds(20));
    world.run(static_cast<int>(world.random.below(12)));
    if (world.random.below(10) == 0 && io.ended == 0) host.port.abort(io.id, io.tag);
    if (i == when) happen(world, mishap);
  }
  world.user->slow = false;
  const bool ended = world.until([&] { return world.ended(); }, std::chrono::seconds(200));
  EXPECT_TRUE(ended) << world.port->dump("rings") << world.port->dump("events");
  for (std::size_t i = 0; i < world.initiators(); ++i) {
    for (const auto& [tag, io] : world.initiator(i).ios) EXPECT_LE(io->ended, 1);
  }
  ASSERT_TRUE(world.until([&] { return world.user->link_is_up; }));
  world.run(200);
  world.log_in();
  world.expect_io();
  EXPECT_EQ(world.pci.faults(), 0u);
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), mishap == Mishap::kCrash ? 1u : 0u);
}

TEST(Schedule, EverySeedEndsWell) {
  const std::uint64_t first = number_from("OUTBOARD_MODEL_SEED", 1), count = number_from("OUTBOARD_MODEL_SEEDS", 500);
  std::uint64_t run = 0;
  for (; run < count && !testing::Test::HasFailure(); ++run) run_seed(first + run);
  std::printf("seeds run: %llu\n", static_cast<unsigned long long>(run));
}

}  // namespace
}  // namespace model_test
