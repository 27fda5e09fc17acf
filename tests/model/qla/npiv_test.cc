// Virtual ports of the driver on its model: targets of their own on one adapter's link.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/model/qla/world.h"
#include "tests/support/log_guard.h"

namespace model_test {
namespace {

using emu::fc::EndReason;

qla::Options with_virtual_ports() {
  qla::Options options = World::small();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    options.virtual_ports.push_back({"vp" + std::to_string(i), {0x2100002400000100 + i}, {0x2000002400000100}});
  }
  options.virtual_exchanges = 64;
  return options;
}

struct NpivTest : testing::Test {
  World world{1, with_virtual_ports()};
  std::vector<std::unique_ptr<RamTarget>> users;

  hal::fc::FcPort& port(std::size_t i) { return *world.port->virtual_ports().at(i); }
  hal::fc::PortId id(std::size_t i) const { return users[i]->link.id; }
  void begin() {
    for (std::size_t i = 0; i < 3; ++i) users.push_back(std::make_unique<RamTarget>(port(i), i + 100));
    for (std::size_t i = 0; i < 3; ++i) port(i).start(*users[i]);
    world.start();
    ASSERT_TRUE(all_up(1)) << port(0).info().state << world.port->dump("events");
  }
  void TearDown() override { users.clear(); }
  bool all_up(int times) {
    return world.until([&] {
      return world.user->link_is_up && std::all_of(users.begin(), users.end(), [&](const auto& user) {
               return user->link_is_up && user->link_ups >= times;
             });
    });
  }
  void log_in(hal::fc::PortId to, const RamTarget& user) {
    for (int attempt = 0; attempt < 10 && user.logins.empty(); ++attempt) {
      const std::uint32_t tag = world.host.request_tag();
      world.host.port.log_in({.tag = tag, .vp = 0, .to = to, .limit = {}}, emu::fc::LoginRequest::kPlogiPrli);
      world.until([&] { return world.host.answered(tag); });
      world.until([&] { return !user.logins.empty(); }, std::chrono::milliseconds(200));
    }
    ASSERT_FALSE(user.logins.empty()) << world.port->dump("events");
  }
  void log_in_everywhere() {
    world.log_in();
    for (std::size_t i = 0; i < 3; ++i) log_in(id(i), *users[i]);
  }
  // A write at the same place of each, all different; then each has its own.
  void expect_targets_of_their_own() {
    std::vector<std::pair<RamTarget*, emu::fc::Station::Io*>> ios;
    const auto write = [&](RamTarget& user) {
      ios.emplace_back(&user, &world.host.start(user.link.id, true, 4096, 8192, std::chrono::seconds(20)));
    };
    write(*world.user);
    for (const auto& user : users) write(*user);
    ASSERT_TRUE(
        world.until([&] { return std::all_of(ios.begin(), ios.end(), [](auto& io) { return io.second->ended; }); }));
    for (const auto& [user, io] : ios) {
      EXPECT_EQ(io->reason, EndReason::kDone);
      EXPECT_EQ(std::memcmp(user->memory().data() + 4096, io->data.data(), 8192), 0);
    }
    EXPECT_NE(ios[0].second->data, ios[1].second->data);
    ASSERT_TRUE(
        world.until([&] { return std::all_of(ios.begin(), ios.end(), [](auto& io) { return io.first->idle(); }); }));
  }
  void expect_no_faults() {
    EXPECT_EQ(world.pci.faults(), 0u);
    for (const auto count : {qla::Count::kWrongHandle, qla::Count::kRepeatedAnswer, qla::Count::kWrongExchange}) {
      EXPECT_EQ(world.counter(count), 0u);
    }
  }
};

TEST_F(NpivTest, EachHasAnAddressOfItsOwn) {
  begin();
  std::vector<std::uint32_t> ids = {world.target().raw};
  for (std::size_t i = 0; i < 3; ++i) {
    ids.push_back(id(i).raw);
    EXPECT_TRUE(world.until([&] { return port(i).info().state == "online"; })) << port(i).info().state;
    const hal::fc::PortInfo info = port(i).info();
    EXPECT_EQ(info.name, "vp" + std::to_string(i + 1));
    EXPECT_EQ(info.port_name.raw, 0x2100002400000101 + i);
    EXPECT_EQ(info.where.id, id(i));
    EXPECT_EQ(id(i).raw & 0xffff00, world.target().raw & 0xffff00);
    EXPECT_EQ(users[i]->link.fabric_name, world.user->link.fabric_name);
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
  expect_no_faults();
}

TEST_F(NpivTest, EachIsATargetOfItsOwn) {
  begin();
  log_in_everywhere();
  for (int i = 0; i < 10; ++i) expect_targets_of_their_own();
  world.expect_io();
  expect_no_faults();
}

TEST_F(NpivTest, EachTalksToTheFabric) {
  begin();
  for (std::size_t i = 0; i < 3; ++i) port(i).log_in(hal::fc::kNameServer);
  world.port->log_in(hal::fc::kNameServer);
  ASSERT_TRUE(world.until([&] {
    return world.user->good_login_answers == 1 &&
           std::all_of(users.begin(), users.end(), [](const auto& user) { return user->good_login_answers == 1; });
  }));
  for (std::size_t i = 0; i < 3; ++i) {  // GPN_ID of its own address
    const std::array<base::be32, 5> request = {0x01000000u, 0xfc020000u, 0x01120000u, 0u, id(i).raw};
    const auto bytes = std::as_bytes(std::span(request));
    ASSERT_TRUE(port(i).send_ct(7, hal::fc::kNameServer, bytes, std::chrono::seconds(5)).has_value());
    ASSERT_TRUE(world.until([&] { return users[i]->ct_answers == 1; }));
    EXPECT_EQ(users[i]->ct_status, hal::fc::CtStatus::kDone);
    ASSERT_GE(users[i]->ct_reply.size(), 24u);
    EXPECT_EQ(users[i]->ct_reply[23], static_cast<std::byte>(i + 1));
    port(i).register_state_changes();
  }
  world.run(2000);
  world.host.port.bounce(std::chrono::milliseconds(100));
  EXPECT_TRUE(world.until([&] {
    return std::all_of(users.begin(), users.end(), [](const auto& user) { return user->pages.size() >= 4; });
  }));
}

TEST_F(NpivTest, EachTellsTheFabricOfItself) {
  begin();
  const std::uint32_t tag = world.host.request_tag();
  world.host.port.send_els({.tag = tag, .vp = 0, .to = hal::fc::kFabricController, .limit = {}},
                           emu::fc::bytes_of(hal::fc::Scr{}));
  ASSERT_TRUE(world.until([&] { return world.host.answered(tag); }));
  for (std::size_t i = 0; i < 3; ++i) {
    world.host.rscn.clear();
    port(i).report_state_change();
    ASSERT_TRUE(world.until([&] { return users[i]->reports.size() == 1 && world.host.rscn.size() >= 4; }));
    EXPECT_TRUE(users[i]->reports[0].has_value()) << users[i]->reports[0].error().text;
    EXPECT_EQ(world.host.rscn[3], static_cast<std::byte>(id(i).raw));
  }
  expect_no_faults();
}

TEST_F(NpivTest, AbortAtOneIsNoneOfTheOthers) {
  begin();
  log_in_everywhere();
  world.user->stalled = users[1]->stalled = true;
  auto& kept = world.io(true, 0, 4096);
  auto& io = world.host.start(id(1), true, 0, 4096, std::chrono::seconds(20));
  ASSERT_TRUE(world.until([&] { return world.user->used() == 1 && users[1]->used() == 1; }));
  world.host.port.abort(io.id, io.tag);
  ASSERT_TRUE(world.until([&] { return io.aborts_done == 1; }));
  EXPECT_EQ(io.abort, emu::fc::AbortResult::kAccepted);
  EXPECT_TRUE(users[1]->idle());
  EXPECT_EQ(world.user->used(), 1u);
  world.user->stalled = users[1]->stalled = false;
  ASSERT_TRUE(world.until([&] { return kept.ended != 0; }));
  EXPECT_EQ(kept.reason, EndReason::kDone);
  expect_targets_of_their_own();
}

TEST_F(NpivTest, OneStopsAndComesAgain) {
  begin();
  log_in_everywhere();
  for (std::uint32_t i = 0; i < 10; ++i) world.host.start(id(1), true, i * 4096, 4096, std::chrono::seconds(20));
  world.run(10);
  bool stopped = false;
  port(1).stop([&] { stopped = true; });
  ASSERT_TRUE(world.until([&] { return stopped; })) << port(1).dump("rings");
  EXPECT_TRUE(users[1]->idle() && users[1]->logins.empty());
  EXPECT_EQ(port(1).info().state, "offline");
  EXPECT_EQ(users[0]->logins.size() + users[2]->logins.size() + world.user->logins.size(), 3u);
  world.expect_io();
  users[1]->link_is_up = false;
  port(1).start(*users[1]);
  ASSERT_TRUE(all_up(1));
  log_in(id(1), *users[1]);
  expect_targets_of_their_own();
  expect_no_faults();
}

TEST_F(NpivTest, AllComeBackAfterLinkLossAndCrash) {
  begin();
  log_in_everywhere();
  world.model.bounce_link();
  ASSERT_TRUE(all_up(2));
  log_in_everywhere();
  expect_targets_of_their_own();
  ExpectLog expect("firmware crash");
  world.model.crash_firmware();
  ASSERT_TRUE(world.until([&] { return world.user->failures == 1; }));
  ASSERT_TRUE(all_up(3)) << world.port->dump("events");
  for (const auto& user : users) EXPECT_EQ(user->failures, 1);
  log_in_everywhere();
  expect_targets_of_their_own();
  expect_no_faults();
}

TEST_F(NpivTest, AllStopWithTheAdapter) {
  begin();
  log_in_everywhere();
  for (std::uint32_t i = 0; i < 10; ++i) world.host.start(id(i % 3), true, i * 4096, 4096, std::chrono::seconds(20));
  world.run(10);
  EXPECT_TRUE(world.stop());
  for (const auto& user : users) EXPECT_TRUE(user->idle() && user->logins.empty() && !user->link_is_up);
  bool stopped = false;
  port(2).stop([&] { stopped = true; });
  EXPECT_TRUE(world.until([&] { return stopped; }));
  port(2).start(*users[2]);
  world.user->link_is_up = false;
  world.start();
  ASSERT_TRUE(all_up(2));
  log_in_everywhere();
  expect_targets_of_their_own();
}

TEST(Npiv, TheFabricRefusesANameThatItHas) {
  qla::Options options = World::small();
  options.virtual_ports.push_back({"vp1", {0x2100002400000022}, {}});  // the initiator's
  World world(1, options);
  hal::fc::FcPort& port = *world.port->virtual_ports().at(0);
  RamTarget user(port, 2);
  world.run(1000);
  port.start(user);
  ExpectLog expect("vp1: the fabric refuses it an address");
  world.start();
  ASSERT_TRUE(world.until([&] { return port.info().state == "no address: the fabric refuses it an address"; }));
  EXPECT_FALSE(user.link_is_up);
  world.log_in();
  world.expect_io();
  bool stopped = false;
  port.stop([&] { stopped = true; });
  EXPECT_TRUE(world.until([&] { return stopped; }));
}

}  // namespace
}  // namespace model_test
