// Arbitrated loops: addresses, logins by themselves, traffic past other ports, ports that come and go.
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "emu/fc/loop_hub.h"
#include "tests/unit/emu/fc/station.h"

namespace emu::fc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct LoopTest : testing::Test {
  Station& add(Station::Role role, std::uint8_t hard_address = 0, Connection connection = Connection::kLoop) {
    const auto number = static_cast<std::uint64_t>(stations.size());
    links.push_back(std::make_unique<Link>(LinkOptions{"loop" + std::to_string(number), 16, number + 1}));
    links.back()->poll(now);
    hub.add(links.back()->end(1));
    stations.push_back(std::make_unique<Station>(links.back()->end(0), kHostName + number, role, connection));
    stations.back()->port.settings().hard_address = hard_address;
    return *stations.back();
  }
  void step() {
    now += milliseconds(1);
    for (int i = 0; i < 8; ++i) {
      for (auto& link : links) link->poll(now);
      for (auto& station : stations) station->port.poll(now);
      hub.poll();
    }
  }
  void run(base::Duration time) {
    for (const base::Time end = now + time; now < end;) step();
  }
  template <class Condition>
  bool run_until(Condition&& condition, base::Duration limit = seconds(5)) {
    const base::Time end = now + limit;
    while (!condition()) {
      if (now >= end) return false;
      step();
    }
    return true;
  }
  bool all_up(std::size_t ports) {
    return run_until([&] {
      std::size_t good = 0;
      for (auto& station : stations) {
        const LinkInfo* const link = station->port.link();
        good += link != nullptr && link->al_pa.size() == ports ? 1 : 0;
      }
      return good == ports;
    });
  }
  base::Time now{seconds(1)};
  LoopHub hub;
  std::vector<std::unique_ptr<Link>> links;
  std::vector<std::unique_ptr<Station>> stations;
};

TEST_F(LoopTest, PortsTakeTheirHardAddressesAndAgreeOnTheMap) {
  Station& host = add(Station::Role::kInitiator, 0x01);
  Station& disk = add(Station::Role::kTarget, 0xe8);
  Station& other = add(Station::Role::kTarget, 0xe8);  // taken: gets another
  for (auto& station : stations) station->port.start();
  ASSERT_TRUE(all_up(3));
  EXPECT_EQ(host.info.topology, Topology::kPrivateLoop);
  EXPECT_EQ(host.info.id.raw, 0x01u);
  EXPECT_TRUE(disk.info.id.raw == 0xe8 || other.info.id.raw == 0xe8);
  EXPECT_NE(disk.info.id.raw, other.info.id.raw);
  EXPECT_EQ(host.info.al_pa, disk.info.al_pa);
  EXPECT_EQ(host.info.al_pa, other.info.al_pa);
  EXPECT_EQ((std::set<std::uint32_t>(host.info.al_pa.begin(), host.info.al_pa.end())),
            (std::set<std::uint32_t>{host.info.id.raw, disk.info.id.raw, other.info.id.raw}));
}

TEST_F(LoopTest, HostLogsInToTheWholeLoopByItself) {
  Station& host = add(Station::Role::kInitiator, 0x01);
  host.port.settings().log_in_to_loop = true;
  Station& one = add(Station::Role::kTarget, 0x23);
  Station& two = add(Station::Role::kTarget, 0x25);
  for (auto& station : stations) station->port.start();
  ASSERT_TRUE(all_up(3));
  ASSERT_TRUE(run_until([&] { return host.port.logins().size() == 2 && host.login_events.size() == 2; }));
  for (const Login& login : host.port.logins()) EXPECT_EQ(login.state, LoginState::kPrliDone);
  Station::Io& write = host.start(two.info.id, true, 0, 20'000);
  ASSERT_TRUE(run_until([&] { return write.ended != 0; }));
  Station::Io& read = host.start(two.info.id, false, 0, 20'000);
  ASSERT_TRUE(run_until([&] { return read.ended != 0; }));
  EXPECT_EQ(read.data, write.data);
  EXPECT_TRUE(std::all_of(one.memory.begin(), one.memory.end(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(LoopTest, NewPortMakesTheLoopBeginAnewAndOthersKeepTheirAddresses) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  host.port.start();
  disk.port.start();
  ASSERT_TRUE(all_up(2));
  const std::uint32_t before = disk.info.id.raw;
  Station& late = add(Station::Role::kTarget);
  late.port.start();
  ASSERT_TRUE(all_up(3));
  EXPECT_EQ(host.downs, 1);
  EXPECT_EQ(disk.info.id.raw, before);
  late.port.stop();
  ASSERT_TRUE(all_up(2));
}

TEST_F(LoopTest, FramesForNobodyLeaveTheLoopWhereTheyCameFrom) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  host.port.start();
  disk.port.start();
  ASSERT_TRUE(all_up(2));
  host.port.log_in({9, 0, PortId{0x55}, seconds(1)}, LoginRequest::kPlogi);
  run(seconds(2));
  EXPECT_EQ(host.answers[9].status, RequestStatus::kTimeout);
  EXPECT_LT(links[0]->frames(0), 100u);
}

TEST(LoopOnly, LeavesAFlogiUnanswered) {
  PairWorld world;
  world.host.port.settings().connection = Connection::kLoop;
  world.disk.port.start();
  world.host.port.start();
  world.run(std::chrono::seconds(5));
  EXPECT_EQ(world.disk.ups + world.host.ups, 0);
}

TEST(LoopPreferred, TwoPortsWithoutHubMakeALoop) {
  PairWorld world(Connection::kLoopPreferred);
  ASSERT_TRUE(world.log_in());
  EXPECT_EQ(world.host.info.topology, Topology::kPrivateLoop);
  Station::Io& io = world.host.start(world.disk.info.id, false, 0, 4096);
  EXPECT_TRUE(world.run_until([&] { return io.ended != 0; }));
  EXPECT_EQ(io.reason, EndReason::kDone);
}

TEST(LoopPreferred, TakesAFlogiAsWordThatThereIsNoLoop) {
  PairWorld world;
  world.host.port.settings().connection = Connection::kLoopPreferred;
  world.disk.port.start();
  world.host.port.start();
  ASSERT_TRUE(world.run_until([&] { return world.disk.port.link() != nullptr; }, std::chrono::milliseconds(20)));
  world.disk.port.log_in({1, 0, world.disk.info.peer.id, {}}, LoginRequest::kPlogi);  // the larger name begins
  ASSERT_TRUE(world.run_until([&] { return world.disk.answered(1); }));
  EXPECT_EQ(world.disk.answers[1].status, RequestStatus::kAccepted);
  EXPECT_EQ(world.host.info.topology, Topology::kPointToPoint);
  EXPECT_EQ(world.disk.downs + world.host.downs, 0);
}

TEST(LoopPreferred, FallsBackToPointToPoint) {
  PairWorld world(Connection::kLoopPreferred);
  world.disk.port.settings().connection = Connection::kPointToPoint;
  ASSERT_TRUE(world.log_in());
  EXPECT_EQ(world.host.info.topology, Topology::kPointToPoint);
}

}  // namespace
}  // namespace emu::fc
