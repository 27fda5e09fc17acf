// The core under real threads: drivers on several reactors, changes of the configuration beside them. Made for the tsan
// preset; what is asserted everywhere is that COMPARE AND WRITE never loses an increment and that everything ends.
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <thread>

#include "scsi_core/backstores/backstores.h"
#include "scsi_core/core.h"
#include "tests/contract/port/driver.h"

namespace port_contract {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kReactors = 3;
constexpr std::uint64_t kCommands = 4000;  // a driver
constexpr auto kPatience = seconds(100);

// Reactors in threads, the first of them also the control reactor, and a RAM disk at LUN 0.
struct Machine {
  Machine() {
    std::vector<hal::Reactor*> all;
    for (std::size_t i = 0; i < kReactors; ++i) {
      hal::ReactorOptions options;
      options.name = "reactor " + std::to_string(i);
      options.shuffle_seed = i + 1;
      reactors.push_back(hal::Reactor::create(options).value());
      all.push_back(reactors.back().get());
    }
    core = std::make_unique<scsi::Core>(*all[0], all, scsi::CoreOptions{});
    for (const auto& reactor : reactors) threads.emplace_back([&reactor] { reactor->run(); });
    add();
    scsi::ViewTable table;
    table.views = {{"disk", "", "", 0, false}};
    EXPECT_TRUE(wait([&](scsi::Done done) { core->set_views(table, std::move(done)); }));
  }
  ~Machine() {
    for (const auto& reactor : reactors) reactor->stop();
    for (std::thread& thread : threads) thread.join();
    core.reset();
    for (const auto& reactor : reactors) EXPECT_EQ(reactor->dma().in_use(), 0u);
  }
  void add() {
    auto store = scsi::make_backstore({.kind = scsi::BackstoreConfig::Kind::kRam, .path = {}, .size = 1 << 20}).value();
    scsi::LuConfig config;
    config.name = "disk";
    config.serial = "1";
    auto shared = std::make_shared<std::unique_ptr<scsi::Backstore>>(std::move(store));
    EXPECT_TRUE(wait([&](scsi::Done done) { core->add_disk(config, std::move(*shared), std::move(done)); }));
  }
  // Calls on the control reactor and waits here.
  bool wait(const std::function<void(scsi::Done)>& call) {
    std::promise<bool> answer;
    std::future<bool> future = answer.get_future();
    reactors[0]->post_function([&] { call([&](base::Result<void> result) { answer.set_value(result.has_value()); }); });
    EXPECT_EQ(future.wait_for(kPatience), std::future_status::ready);
    return future.get();
  }

  std::vector<std::unique_ptr<hal::Reactor>> reactors;
  std::unique_ptr<scsi::Core> core;
  std::vector<std::thread> threads;
};

struct Drivers {
  Drivers(Machine& machine, bool disruptive) {
    for (std::size_t i = 0; i < 2 * kReactors; ++i) {
      hal::Reactor& reactor = *machine.reactors[i % kReactors];
      all.push_back(
          std::make_unique<Driver>(reactor, machine.core->router(i % kReactors), i + 1, kCommands, disruptive, totals));
      reactor.post_function([driver = all.back().get()] { driver->start(); });
    }
  }
  bool finished() const {
    for (const auto& driver : all) {
      if (!driver->finished()) return false;
    }
    return true;
  }
  Totals totals;
  std::vector<std::unique_ptr<Driver>> all;
};

std::uint64_t counter_on(Machine& machine) {
  // A driver of its own that does nothing but read would be much; a READ by hand is enough.
  struct Reader final : scsi::TargetPort {
    explicit Reader(hal::Reactor& its_reactor) : reactor(its_reactor) { id.relative_id = 99; }
    const scsi::TargetPortIdentity& identity() const override { return id; }
    hal::DmaPool& buffers() override { return reactor.dma(); }
    void send_data_in(scsi::Command&, const scsi::Transfer& transfer) override {
      std::memcpy(&value, transfer.segments[0].bytes.data(), sizeof value);
      reactor.post_function([this] {
        router->data_in_delivered(command, scsi::Delivery::kDelivered);
        router->nexus_lost(*command.nexus);
      });
    }
    void receive_data_out(scsi::Command&, const scsi::Transfer&) override {}
    void terminate_data_transfer(scsi::Command&) override {}
    void send_command_complete(scsi::Command&) override {  // a unit attention
      reactor.post_function([this] { router->scsi_command_received(command); });
    }
    void drop_command(scsi::Command&) override {}
    void task_management_function_executed(scsi::TaskManagement&, scsi::TmfResponse) override {}
    void nexus_quiet(scsi::Nexus&) override { quiet.set_value(); }
    void end_nexus(scsi::Nexus&) override {}
    hal::Reactor& reactor;
    scsi::TargetPortIdentity id;
    scsi::TaskRouter* router = nullptr;
    scsi::Command command;
    std::uint64_t value = 0;
    std::promise<void> quiet;
  };
  Reader reader(*machine.reactors[0]);
  reader.router = &machine.core->router(0);
  machine.reactors[0]->post_function([&] {
    reader.command.nexus = &reader.router->nexus_established(reader, {5, "iqn.2026-01.test:reader,i,0x1"}, nullptr);
    reader.command.cdb.fill(0);
    reader.command.cdb[0] = 0x28;
    reader.command.cdb[8] = 1;
    reader.command.cdb_length = 16;
    reader.command.expected_length = 512;
    reader.command.direction = scsi::DataDirection::kIn;
    reader.router->scsi_command_received(reader.command);
  });
  EXPECT_EQ(reader.quiet.get_future().wait_for(kPatience), std::future_status::ready);
  return reader.value;
}

TEST(CoreUnderThreads, CompareAndWriteOfAllReactorsLosesNoIncrement) {
  Machine machine;
  Drivers drivers(machine, false);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!drivers.finished() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(5));
  ASSERT_TRUE(drivers.finished());
  EXPECT_EQ(drivers.totals.ended.load(), 2 * kReactors * kCommands);
  EXPECT_GT(drivers.totals.increments.load(), 0u);
  EXPECT_EQ(counter_on(machine), drivers.totals.increments.load());
}

TEST(CoreUnderThreads, EverythingEndsUnderResetsLogoutsAndChanges) {
  Machine machine;
  Drivers drivers(machine, true);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (std::uint32_t round = 0; !drivers.finished() && std::chrono::steady_clock::now() < end; ++round) {
    scsi::ViewTable table;
    table.views = {{"disk", "", "", 0, false}, {"disk", "", "", 1 + round % 3, true}};
    EXPECT_TRUE(machine.wait([&](scsi::Done done) { machine.core->set_views(table, std::move(done)); }));
    EXPECT_TRUE(machine.wait(
        [&](scsi::Done done) { machine.core->list_commands([done](std::vector<scsi::CommandInfo>) { done({}); }); }));
    if (round % 8 == 7) {
      EXPECT_TRUE(machine.wait([&](scsi::Done done) { machine.core->remove_lu("disk", std::move(done)); }));
      machine.add();
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  ASSERT_TRUE(drivers.finished());
  EXPECT_EQ(drivers.totals.ended.load(), 2 * kReactors * kCommands);
  EXPECT_GT(drivers.totals.functions.load(), 10u);
  EXPECT_GT(drivers.totals.logins.load(), 2 * kReactors);
}

}  // namespace
}  // namespace port_contract
