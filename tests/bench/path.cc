// path: the whole target and a load generator in one process and one thread, for counting instructions per command.
// Run under callgrind by instructions.py, which collects inside soft::tcp::TcpPoller::poll only.
#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "drivers/soft/tcp/tcp.h"
#include "fabrics/iscsi/service.h"
#include "hal/reactor.h"
#include "scsi_core/backstores/backstores.h"
#include "scsi_core/core.h"
#include "tests/bench/loadgen_session.h"

namespace {

constexpr const char* kTarget = "iqn.2026-01.test.outboard:path";

// Rounds of the reactor until `done` is set; five seconds at most.
bool rounds_until(hal::Reactor& reactor, const std::atomic<bool>& done) {
  const base::Time limit = base::RealClock().now() + std::chrono::seconds(5);
  while (!done.load() && base::RealClock().now() < limit) reactor.run_once();
  return done.load();
}

int fail(const char* what) {
  std::fprintf(stderr, "path: %s\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  bench::Load load;
  std::uint64_t commands = 20000;
  CLI::App app{"the target and its load in one thread"};
  app.add_flag("--write", load.write);
  app.add_option("--commands", commands);
  app.add_option("--block", load.block_bytes);
  app.add_option("--depth", load.depth);
  CLI11_PARSE(app, argc, argv);
  base::set_log_level(base::LogLevel::kWarn);

  hal::ReactorOptions options;
  options.shuffle_seed = 1;
  auto reactor = hal::Reactor::create(options);
  if (!reactor.has_value()) return fail("no reactor");
  auto datamover = soft::tcp::make_datamover();
  {
    scsi::Core core(**reactor, {reactor->get()}, {});
    iscsi::Fabric fabric(core, *datamover, **reactor, {reactor->get()});
    std::atomic<bool> done{false};
    bool good = true;
    const auto step = [&](base::Result<void> result) {
      if (!result.has_value()) std::fprintf(stderr, "path: %s\n", result.error().text.c_str());
      good &= result.has_value();
      done = true;
    };
    const auto wait = [&] {
      const bool came = rounds_until(**reactor, done);
      done = false;
      return came && good;
    };
    scsi::BackstoreConfig store;
    store.kind = scsi::BackstoreConfig::Kind::kRam;
    store.size = load.span_bytes;
    auto made = scsi::make_backstore(store);
    if (!made.has_value()) return fail("no backstore");
    scsi::LuConfig disk;
    disk.name = "disk";
    core.add_disk(std::move(disk), std::move(*made), step);
    if (!wait()) return fail("no disk");
    scsi::ViewTable views;
    views.views.push_back({.lu = "disk", .host_group = "", .target_group = "", .lun = 1});
    core.set_views(std::move(views), step);
    if (!wait()) return fail("no view");
    iscsi::FabricConfig config;
    config.portals = {{"127.0.0.1:0", 1}};
    iscsi::Target target;
    target.name = kTarget;
    config.targets = {target};
    fabric.apply(config, step);
    if (!wait()) return fail("no portal");
    const std::string address = fabric.portal_addresses().at(0);
    load.port = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
    load.target = kTarget;

    // Every block is written once, so that reads find data; then what is counted.
    bench::Load fill = load;
    fill.write = fill.sequential = true;
    fill.block_bytes = 262144;
    const auto drive = [&](bench::Session& session, std::uint64_t wanted) {
      std::thread login([&] {
        session.login();
        done = true;
      });
      const bool in = wait();
      login.join();
      while (in && session.completed < wanted) {
        session.poll(static_cast<std::uint64_t>(base::RealClock().now().time_since_epoch().count()));
        (*reactor)->run_once();
      }
      session.stop();
      return in;
    };
    bench::Numbering filling(6), loading(7);
    bench::Session filler(fill, filling), session(load, loading);
    if (!drive(filler, load.span_bytes / fill.block_bytes) || !drive(session, commands)) return fail("no login");
    std::printf("{\"commands\": %lu, \"errors\": %lu}\n", session.completed, session.errors);
    fabric.stop(base::Duration(0), step);
    if (!wait()) return fail("no stop");
  }
  datamover.reset();
  return 0;
}
