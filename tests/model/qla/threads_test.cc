// A port with several queues under real threads: each queue on a reactor that sleeps when it has nothing to do, the
// model and its initiators on a thread of their own; reads, writes, aborts, logouts from a seed, a firmware crash, the
// port off the link and on again. Made for the tsan preset; what is asserted everywhere is that everything ends and
// that blocks are whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "base/random.h"
#include "drivers/qla/adapter.h"
#include "emu/fc/link.h"
#include "emu/fc/switch/switch.h"
#include "emu/host/in_process.h"
#include "emu/qla/model.h"
#include "fabrics/fcp/service.h"
#include "scsi_core/backstores/backstores.h"
#include "tests/support/log_guard.h"
#include "tests/unit/emu/fc/station.h"

namespace model_test {
namespace {

using emu::fc::LinkOptions;
using emu::fc::LoginRequest;
using emu::fc::Station;

constexpr std::size_t kQueues = 3, kHosts = 6, kDepth = 8;
constexpr std::uint64_t kCommands = 3000;
constexpr std::uint32_t kBlocks = 8;          // of 512 bytes, in a command
constexpr hal::fc::PortId kTarget{0x010000};  // the first port of the switch
constexpr auto kPatience = std::chrono::seconds(100);

// The model has one thread; a driver's accesses come from several, and go first: a mutex alone would let them starve.
struct Bus {
  std::mutex mutex;
  std::atomic<int> waiting{0};
};
class Access {
 public:
  explicit Access(Bus& bus) : bus_(bus) {
    ++bus_.waiting;
    bus_.mutex.lock();
    --bus_.waiting;
  }
  ~Access() { bus_.mutex.unlock(); }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

 private:
  Bus& bus_;
};

class LockedDevice final : public hal::PciDevice {
 public:
  LockedDevice(emu::InProcessHost& host, Bus& bus) : host_(host), bus_(bus), device_(host.open()) {
    for (std::size_t i = 0; i < traps_.size(); ++i) traps_[i] = {&host_, &bus_, static_cast<hal::Bar>(i)};
  }
  ~LockedDevice() override {
    const Access access(bus_);
    device_.reset();
  }
  const hal::PciIdentity& identity() const override { return device_->identity(); }
  base::Result<std::uint32_t> config_read(std::uint16_t offset, unsigned width) override {
    const Access access(bus_);
    return device_->config_read(offset, width);
  }
  base::Result<void> config_write(std::uint16_t offset, unsigned width, std::uint32_t value) override {
    const Access access(bus_);
    return device_->config_write(offset, width, value);
  }
  base::Result<hal::Mmio> map_bar(hal::Bar bar) override {
    const hal::Mmio window = TRY(device_->map_bar(bar));
    return hal::Mmio(traps_[static_cast<std::size_t>(bar)], window.size());
  }
  base::Result<void> enable_dma() override {
    const Access access(bus_);
    return device_->enable_dma();
  }
  void disable_dma() override {
    const Access access(bus_);
    device_->disable_dma();
  }
  unsigned interrupt_vectors(hal::InterruptKind kind) const override { return device_->interrupt_vectors(kind); }
  base::Result<void> set_interrupts(hal::InterruptKind kind, unsigned vectors) override {
    const Access access(bus_);
    return device_->set_interrupts(kind, vectors);
  }
  base::Result<int> interrupt_fd(unsigned vector) const override {
    const Access access(bus_);
    return device_->interrupt_fd(vector);
  }
  void unmask_intx() override {
    const Access access(bus_);
    device_->unmask_intx();
  }
  base::Result<void> reset() override {
    const Access access(bus_);
    return device_->reset();
  }
  bool gone() const override { return device_->gone(); }

 private:
  struct Trap final : hal::MmioTrap {
    Trap() = default;
    Trap(emu::InProcessHost* its_host, Bus* its_bus, hal::Bar its_bar) : host(its_host), bus(its_bus), bar(its_bar) {}
    std::uint64_t read(std::uint32_t offset, unsigned width) override {
      const Access access(*bus);
      return host->bar_read(bar, offset, width);
    }
    void write(std::uint32_t offset, unsigned width, std::uint64_t value) override {
      const Access access(*bus);
      host->bar_write(bar, offset, width, value);
    }
    emu::InProcessHost* host = nullptr;
    Bus* bus = nullptr;
    hal::Bar bar{};
  };
  emu::InProcessHost& host_;
  Bus& bus_;
  std::unique_ptr<hal::PciDevice> device_;
  std::array<Trap, 6> traps_;
};

// The adapter, a switch and the initiators. What is not said to be for others is its thread's.
class Hardware {
 public:
  Hardware() : model_(pci, emu::qla::isp2071(), {.port_name = {0x2100002400000011}, .node_name = {}}, link_.end(0)) {
    pci.attach(model_);
    fabric_.add_port(link_.end(1));
    for (std::size_t i = 0; i < kHosts; ++i) {
      hosts_.push_back(std::make_unique<Host>(i));
      fabric_.add_port(hosts_.back()->link.end(1));
      hosts_.back()->station.port.start();
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Hardware() {
    over_ = true;
    thread_.join();
  }
  // --- any thread ---
  std::unique_ptr<hal::PciDevice> open() { return std::make_unique<LockedDevice>(pci, bus); }
  void crash() {
    const Access access(bus);
    model_.crash_firmware();
  }
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  std::uint64_t sent() const { return sent_.load(); }
  std::uint64_t good() const { return good_.load(); }

  Bus bus;
  base::RealClock clock;
  emu::InProcessHost pci{clock};

 private:
  struct Host {
    explicit Host(std::size_t i)
        : link(LinkOptions{.name = "host " + std::to_string(i), .credit = 32, .seed = i}),
          station(link.end(0), 0x2100002400000100 + i, Station::Role::kInitiator),
          number(static_cast<std::uint32_t>(i)) {}
    emu::fc::Link link;
    Station station;
    std::uint32_t number;
    base::Time next_login{};
    std::uint32_t login_tag = 0;  // of the login that is under way; another one would end what this one begins
    bool suspects = false;        // the target may have forgotten it
  };
  void run() {
    while (!over_) {
      {
        const std::lock_guard lock(bus.mutex);
        const base::Time now = clock.now();
        for (int i = 0; i < 4; ++i) pci.poll();
        fabric_.poll(now);
        link_.poll(now);
        bool idle = true;
        for (const auto& host : hosts_) {
          host->link.poll(now);
          host->station.port.poll(now);
          drive(*host, now);
          idle &= host->station.ios.empty();
        }
        if (idle && sent_ >= kCommands) finished_.store(true, std::memory_order_release);
      }
      do {
        std::this_thread::yield();
      } while (bus.waiting != 0 && !over_);
    }
  }
  void drive(Host& host, base::Time now) {
    Station& station = host.station;
    std::erase_if(station.ios, [&](const auto& each) {
      const Station::Io& io = *each.second;
      if (io.ended == 0) return false;
      EXPECT_EQ(io.ended, 1);
      const std::uint32_t moved = io.write ? io.data_out : io.data_in;
      good_ += io.reason == emu::fc::EndReason::kDone && moved == io.data.size() ? 1 : 0;
      host.suspects |= io.reason == emu::fc::EndReason::kTimeout;
      return true;
    });
    const emu::fc::Login* const login = station.port.find_login(0, kTarget);
    const bool there = login != nullptr && login->state == emu::fc::LoginState::kPrliDone;
    if (station.answers.erase(host.login_tag) != 0) host.login_tag = 0;
    if ((!there || host.suspects) && host.login_tag == 0 && now >= host.next_login && station.port.link() != nullptr &&
        !finished()) {
      host.next_login = now + std::chrono::milliseconds(20);
      host.suspects = false;
      host.login_tag = station.request_tag();
      const base::Duration limit = std::chrono::milliseconds(500);  // the target may be off the link
      station.port.log_in({.tag = host.login_tag, .vp = 0, .to = kTarget, .limit = limit}, LoginRequest::kPlogiPrli);
    }
    if (!there || host.login_tag != 0 || sent_ >= kCommands || station.ios.size() >= kDepth) return;
    ++sent_;
    Station::Io& io = send(host, random_.below(2) == 0);
    const std::uint64_t what = random_.below(200);
    if (what < 6) station.port.abort(io.id, io.tag);
    if (what == 7)
      station.port.log_in({.tag = station.request_tag(), .vp = 0, .to = kTarget, .limit = {}}, LoginRequest::kLogo);
  }

  // A READ(10) or WRITE(10) of the host's own blocks.
  Station::Io& send(Host& host, bool write) {
    Station& station = host.station;
    auto owned = std::make_unique<Station::Io>();
    Station::Io& io = *owned;
    io.tag = station.request_tag();
    io.write = write;
    io.data.assign(kBlocks * 512, static_cast<std::byte>(write ? random_.below(256) : 0));
    station.ios[io.tag] = std::move(owned);
    hal::fc::FcpCmnd cmnd;
    cmnd.additional_length = write ? hal::fc::FcpCmnd::WriteData::of(true) : hal::fc::FcpCmnd::ReadData::of(true);
    cmnd.cdb[0] = write ? 0x2a : 0x28;
    cmnd.cdb[5] = static_cast<std::uint8_t>(host.number * kBlocks);
    cmnd.cdb[8] = kBlocks;
    cmnd.data_length = kBlocks * 512;
    emu::fc::Command command;
    command.tag = io.tag;
    command.to = kTarget;
    command.cmnd = std::as_bytes(std::span(&cmnd, 1));
    command.reads = !write;
    command.writes = write;
    command.data_length = kBlocks * 512;
    command.limit = std::chrono::seconds(2);
    io.id = station.port.start_command(command).second;
    return io;
  }

  emu::fc::Link link_{LinkOptions{.name = "target", .credit = 32, .seed = 1}};
  emu::qla::Model model_;
  emu::fc::Switch fabric_{{}};
  std::vector<std::unique_ptr<Host>> hosts_;
  base::SeededRandom random_{1};
  std::atomic<std::uint64_t> sent_{0}, good_{0};
  std::atomic<bool> over_{false}, finished_{false};
  std::thread thread_;
};

// Reactors in threads; another one for control; a disk; the port.
struct Machine {
  Machine() {
    for (std::size_t i = 0; i <= kQueues; ++i) {
      hal::ReactorOptions options;
      options.name = "reactor " + std::to_string(i);
      options.shuffle_seed = i + 1;
      reactors.push_back(hal::Reactor::create(options).value());
      if (i > 0) data.push_back(reactors.back().get());
    }
    core.emplace(*reactors[0], data, scsi::CoreOptions{});
    fabric.emplace(*core, *reactors[0], data);
    qla::Options options;
    options.logins = 64;
    options.reactors.assign(data.begin() + 1, data.end());
    port = qla::Adapter::create(hardware.open(), *data[0], options).value();
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
    fabric.reset();
    core.reset();
    port.reset();
    for (const auto& reactor : reactors) EXPECT_EQ(reactor->dma().in_use(), 0u);
  }
  // Calls on the control reactor and waits here.
  bool wait(const std::function<void(scsi::Done)>& call) {
    std::promise<bool> answer;
    std::future<bool> future = answer.get_future();
    reactors[0]->post_function(
        [&] { call([&](const base::Result<void>& result) { answer.set_value(result.has_value()); }); });
    EXPECT_EQ(future.wait_for(kPatience), std::future_status::ready);
    return future.get();
  }
  void apply(bool online) {
    fcp::FabricConfig config;
    config.ports.push_back({.name = "fc0", .relative_id = 1});
    config.ports[0].online = online;
    EXPECT_TRUE(wait([&](scsi::Done done) { fabric->apply(config, std::move(done)); }));
  }

  std::vector<std::unique_ptr<hal::Reactor>> reactors;  // the first is the control reactor
  std::vector<hal::Reactor*> data;
  std::optional<scsi::Core> core;
  std::optional<fcp::Fabric> fabric;
  Hardware hardware;
  std::unique_ptr<qla::Adapter> port;
  std::vector<std::thread> threads;
};

TEST(QlaUnderThreads, EverythingEndsUnderAbortsLogoutsCrashAndStop) {
  ExpectLog crash("qla0: firmware crash"), again("being brought up again");
  Machine machine;
  machine.apply(true);
  EXPECT_TRUE(machine.wait([&](const scsi::Done& done) {
    const base::Result<void> attached = machine.fabric->attach("fc0", *machine.port);
    machine.reactors[0]->post_function([done, attached] { done(attached); });
  }));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  const auto reached = [&](std::uint64_t sent) {
    while (machine.hardware.sent() < sent && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_GE(machine.hardware.sent(), sent);
  };
  reached(kCommands / 4);
  machine.hardware.crash();
  reached(kCommands / 2);
  machine.apply(false);
  machine.apply(true);
  while (!machine.hardware.finished() && std::chrono::steady_clock::now() < end) {
    EXPECT_TRUE(
        machine.wait([&](const scsi::Done& done) { machine.fabric->list_ports([done](const auto&) { done({}); }); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_TRUE(machine.hardware.finished())
      << machine.hardware.sent() << " sent, " << machine.hardware.good() << " good";
  EXPECT_GT(machine.hardware.good(), kCommands / 4);
  EXPECT_EQ(machine.hardware.pci.faults(), 0u);
  EXPECT_TRUE(machine.wait([&](scsi::Done done) { machine.fabric->detach("fc0", std::move(done)); }));
}

}  // namespace
}  // namespace model_test
