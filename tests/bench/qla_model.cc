// qla_model: drivers/qla and its model in one process and thread: reads of 4 KiB that a host at the other end of the
// link gets through both per second, beside what the core does of arithmetic and copying at the same time.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "base/log.h"
#include "drivers/qla/adapter.h"
#include "emu/host/in_process.h"
#include "emu/qla/model.h"
#include "tests/bench/fc_end.h"
#include "tests/bench/qla_user.h"

namespace {

using Seconds = std::chrono::duration<double>;

// What a core is worth, in rounds per second: each a chain of a thousand multiplications and two copies of 4 KiB.
class Calibration {
 public:
  void run(const base::Clock& clock, base::Duration length) {
    const base::Time begin = clock.now();
    base::Time now = begin;
    for (; now - begin < length; now = clock.now()) {
      for (int round = 0; round < 16; ++round) {
        for (int i = 0; i < 1000; ++i) value_ = value_ * 6364136223846793005u + 1442695040888963407u;
        from_[value_ % from_.size()] = static_cast<std::byte>(value_);
        to_ = from_;
        from_ = to_;
      }
      rounds_ += 16;
    }
    seconds_ += Seconds(now - begin).count();
  }
  double per_second() const { return static_cast<double>(rounds_) / seconds_; }
  std::uint64_t value() const { return value_; }

 private:
  std::array<std::byte, 4096> from_{}, to_{};
  std::uint64_t value_ = 1, rounds_ = 0;
  double seconds_ = 0;
};

struct World {
  World()
      : pci(clock),
        model(pci, emu::qla::isp2532(), {.port_name = {2}, .node_name = {2}}, link.end(0)),
        host(link.end(1), 0x2100000000000001, false) {
    pci.attach(model);
    reactor = hal::Reactor::create({}).value();
    memory.emplace(hal::MemoryRegion::create("disk", bench::kLength, hal::MemoryRegion::Pages::kPlain).value());
    port = qla::Adapter::create(pci.open(), *reactor, {}).value();
    const std::span<std::byte> bytes = memory->bytes();
    user.emplace(*port, hal::DmaSpan{bytes, hal::Iova{reinterpret_cast<std::uintptr_t>(bytes.data())}});
    host.port.start();
  }
  base::Time turn() {
    const base::Time now = clock.now();
    link.poll(now);
    host.port.poll(now);
    pci.poll();
    reactor->run_once();
    return now;
  }
  template <class Condition>
  bool until(Condition&& condition) {
    const base::Time end = clock.now() + std::chrono::seconds(20);
    while (!condition()) {
      if (turn() > end) return false;
    }
    return true;
  }
  bool log_in() {
    if (!until([&] { return user->up && host.port.link() != nullptr; })) return false;
    host.port.log_in({1, 0, host.port.link()->peer.id, {}}, emu::fc::LoginRequest::kPlogiPrli);
    return until([&] { return host.logged_in && user->logins == 1; });
  }

  base::RealClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  std::optional<hal::MemoryRegion> memory;
  emu::fc::Link link{emu::fc::LinkOptions{}};
  emu::InProcessHost pci;
  emu::qla::Model model;
  std::unique_ptr<qla::Adapter> port;
  std::optional<bench::User> user;
  bench::End host;
};

}  // namespace

int main(int argc, char** argv) {
  double seconds = 2, least = 0;
  CLI::App app{"drivers/qla and its model in one thread"};
  app.add_option("--seconds", seconds);
  app.add_option("--least", least, "reads per round of the calibration; fewer are a failure");
  CLI11_PARSE(app, argc, argv);
  base::set_log_level(base::LogLevel::kError);
  World world;
  if (!world.log_in()) {
    std::fprintf(stderr, "qla_model: no login: %s\n%s", world.port->info().state.c_str(),
                 world.port->dump("events").c_str());
    return 1;
  }
  for (std::uint32_t tag = 0; tag < bench::kDepth; ++tag) world.host.start(tag);
  world.until([&] { return world.host.done > 10000; });
  // In turns, so that whatever else the machine does meets both alike.
  Calibration calibration;
  double passed = 0;
  const std::uint64_t before = world.host.done;
  while (passed < seconds) {
    calibration.run(world.clock, std::chrono::milliseconds(10));
    const base::Time begin = world.clock.now();
    base::Time now = begin;
    while (now - begin < std::chrono::milliseconds(20)) now = world.turn();
    passed += Seconds(now - begin).count();
  }
  const double reads = static_cast<double>(world.host.done - before) / passed, rounds = calibration.per_second();
  std::printf("qla_model: %.0f reads of 4 KiB per second and core, %.0f ns each\n", reads, 1e9 / reads);
  std::printf("calibration of the core: %.0f rounds per second (%d); reads per round %.3f, at least %.3f\n", rounds,
              static_cast<int>(calibration.value() & 1), reads / rounds, least);
  return reads / rounds < least ? 1 : 0;
}
