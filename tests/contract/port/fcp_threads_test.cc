// The Fibre Channel fabric under real threads: a port on each of three reactors whose initiators read, write, abort and
// log out from a seed, while the control reactor changes settings and asks questions. Made for the tsan preset; what is
// asserted everywhere is that blocks are whole, everything ends, and the contract of hal/port/fc_port.h holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include "base/random.h"
#include "fabrics/fcp/service.h"
#include "scsi_core/backstores/backstores.h"
#include "tests/support/fake_fc_port.h"

namespace port_contract {
namespace {

using hal::fc::LinkServiceKind;
using test_support::FakeFcPort;
using test_support::FcCommand;
using test_support::FcInitiator;

constexpr std::size_t kReactors = 3, kHosts = 2, kDepth = 8;
constexpr std::uint64_t kCommands = 3000;  // a port
constexpr auto kPatience = std::chrono::seconds(100);

// The initiators of one port, on the port's reactor.
class Hosts final : public hal::Poller {
 public:
  Hosts(FakeFcPort& port, std::size_t index) : random_(index + 1), port_(port) {
    for (std::size_t i = 0; i < kHosts; ++i) {
      const auto id = static_cast<std::uint32_t>(index * kHosts + i);
      hosts_.push_back(
          {&port.initiator({0x2100000000000001ULL + id}, {0x020000 + id}), {}, static_cast<std::uint8_t>(id)});
    }
  }
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  std::uint64_t good() const { return good_.load(); }
  bool poll() override {
    if (finished()) return false;
    for (Host& host : hosts_) step(host);
    const bool idle = std::all_of(hosts_.begin(), hosts_.end(), [](const Host& host) { return host.out.empty(); });
    if (sent_ >= kCommands && idle) finished_.store(true, std::memory_order_release);
    return true;
  }

 private:
  struct Host {
    FcInitiator* port;
    std::vector<FcCommand*> out;
    std::uint8_t block;  // its own
  };
  void collect(Host& host) {
    std::erase_if(host.out, [&](const FcCommand* command) {
      const test_support::FcReply& reply = command->reply;
      if (!reply.over) return false;
      if (reply.good()) {
        ++good_;
        EXPECT_TRUE(std::all_of(reply.data.begin(), reply.data.end(), [&](std::byte b) { return b == reply.data[0]; }));
      }
      return true;
    });
  }
  void step(Host& host) {
    collect(host);
    if (!host.port->open()) {
      if (random_.below(200) != 0) return;
      port_.light(true);  // the port may have been off the link
      host.port->log_in();
    } else if (sent_ < kCommands && host.out.size() < kDepth) {
      send(host);
      const std::uint64_t what = random_.below(200);
      if (what < 6) host.port->abort(*host.out[random_.below(host.out.size())]);
      if (what == 7) host.port->send({.task_management_flags = 0x10});
      if (what == 8) host.port->ask(LinkServiceKind::kLogo);
      if (what == 9) host.port->vanish();
    }
  }
  void send(Host& host) {
    ++sent_;
    test_support::FcRequest request{.cdb = {0x28, 0, 0, 0, 0, host.block, 0, 0, 1, 0}};
    request.attribute = random_.below(4) == 0 ? 2 : 0;  // ORDERED
    if (random_.below(2) == 0) {
      request.cdb[0] = 0x2a;
      request.out.assign(512, static_cast<std::byte>(random_.below(256)));
    } else {
      request.in = 512;
    }
    host.out.push_back(&host.port->send(std::move(request)));
  }

  base::SeededRandom random_;
  FakeFcPort& port_;
  std::vector<Host> hosts_;
  std::uint64_t sent_ = 0;
  std::atomic<std::uint64_t> good_{0};
  std::atomic<bool> finished_{false};
};

// Reactors in threads, the first of them also the control reactor; a disk; a port on each.
struct Machine {
  Machine() {
    for (std::size_t i = 0; i < kReactors; ++i) {
      hal::ReactorOptions options;
      options.name = "reactor " + std::to_string(i);
      options.shuffle_seed = i + 1;
      reactors.push_back(hal::Reactor::create(options).value());
      all.push_back(reactors.back().get());
    }
    core.emplace(*all[0], all, scsi::CoreOptions{});
    fabric.emplace(*core, *all[0], all);
    for (std::size_t i = 0; i < kReactors; ++i) {
      ports.push_back(
          std::make_unique<FakeFcPort>(std::vector<hal::Reactor*>{all[i]}, hal::fc::Wwn{0x5001438000000001 + i}));
      hosts.push_back(std::make_unique<Hosts>(*ports.back(), i));
      all[i]->add(*hosts.back());
      config.ports.push_back({.name = "fc" + std::to_string(i), .relative_id = static_cast<std::uint16_t>(i + 1)});
    }
    for (const auto& reactor : reactors) threads.emplace_back([&reactor] { reactor->run(); });
    scsi::LuConfig disk;
    disk.name = "disk";
    auto store = scsi::make_backstore({.kind = scsi::BackstoreConfig::Kind::kRam, .path = {}, .size = 1 << 20}).value();
    EXPECT_TRUE(wait([&](scsi::Done done) { core->add_disk(disk, std::move(store), std::move(done)); }));
    scsi::ViewTable table;
    table.views = {{"disk", "", "", 0, false}};
    EXPECT_TRUE(wait([&](scsi::Done done) { core->set_views(table, std::move(done)); }));
  }
  ~Machine() {
    for (const auto& reactor : reactors) reactor->stop();
    for (std::thread& thread : threads) thread.join();
    while (std::any_of(reactors.begin(), reactors.end(), [](const auto& reactor) { return reactor->run_once(); })) {
    }
    for (std::size_t i = 0; i < hosts.size(); ++i) all[i]->remove(*hosts[i]);
    hosts.clear();
    fabric.reset();
    core.reset();
    ports.clear();
    for (const auto& reactor : reactors) EXPECT_EQ(reactor->dma().in_use(), 0u);
  }
  // Calls on the control reactor and waits here.
  bool wait(const std::function<void(scsi::Done)>& call) {
    std::promise<bool> answer;
    std::future<bool> future = answer.get_future();
    all[0]->post_function(
        [&] { call([&](const base::Result<void>& result) { answer.set_value(result.has_value()); }); });
    EXPECT_EQ(future.wait_for(kPatience), std::future_status::ready);
    return future.get();
  }
  bool finished() const {
    return std::all_of(hosts.begin(), hosts.end(), [](const auto& each) { return each->finished(); });
  }

  std::vector<std::unique_ptr<hal::Reactor>> reactors;
  std::vector<hal::Reactor*> all;
  std::optional<scsi::Core> core;
  std::optional<fcp::Fabric> fabric;
  std::vector<std::unique_ptr<FakeFcPort>> ports;
  std::vector<std::unique_ptr<Hosts>> hosts;
  std::vector<std::thread> threads;
  fcp::FabricConfig config;
};

TEST(FcpUnderThreads, EverythingEndsUnderAbortsLogoutsAndChanges) {
  Machine machine;
  fcp::Fabric& fabric = *machine.fabric;
  for (std::size_t i = 0; i < kReactors; ++i) {
    EXPECT_TRUE(machine.wait([&](scsi::Done done) {
      const base::Result<void> attached = fabric.attach(machine.config.ports[i].name, *machine.ports[i]);
      machine.all[0]->post_function([done, attached] { done(attached); });
    }));
  }
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (std::uint32_t round = 0; !machine.finished() && std::chrono::steady_clock::now() < end; ++round) {
    fcp::FabricConfig config = machine.config;
    if (round % 16 == 5) config.ports[1].initiators = {"50*"};  // nobody
    if (round % 16 == 9) config.ports[2].online = false;
    EXPECT_TRUE(machine.wait([&](scsi::Done done) { fabric.apply(config, std::move(done)); }));
    EXPECT_TRUE(machine.wait([&](const scsi::Done& done) { fabric.list_sessions([done](const auto&) { done({}); }); }));
    EXPECT_TRUE(machine.wait([&](const scsi::Done& done) { fabric.list_events([done](const auto&) { done({}); }); }));
    EXPECT_TRUE(machine.wait([&](const scsi::Done& done) { fabric.counters([done](const auto&) { done({}); }); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ASSERT_TRUE(machine.finished());
  for (const auto& hosts : machine.hosts) EXPECT_GT(hosts->good(), kCommands / 4);
  for (const fcp::PortConfig& port : machine.config.ports) {
    EXPECT_TRUE(machine.wait([&](scsi::Done done) { fabric.detach(port.name, std::move(done)); }));
  }
}

}  // namespace
}  // namespace port_contract
