// fc_path: a whole Fibre Channel target in one thread, from ATIO to CTIO: drivers/qla on a card of few lines,
// fabrics/fcp, the core, a RAM disk. Run under callgrind by instructions.py, which collects inside the reactor's
// rounds.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/log.h"
#include "fabrics/fcp/service.h"
#include "scsi_core/backstores/backstores.h"
#include "tests/bench/qla_card.h"

namespace {

using namespace bench;

constexpr std::uint32_t kBlocks = 16384;  // 512 bytes each, all written once before what is counted

struct World {
  World() {
    hal::ReactorOptions settings;
    settings.clock = &clock;
    settings.shuffle_seed = 1;
    reactor = hal::Reactor::create(settings).value();
    port = Adapter::create(std::make_unique<Pci>(card), *reactor, card_options()).value();
    core.emplace(*reactor, std::vector<hal::Reactor*>{reactor.get()}, scsi::CoreOptions{});
    fabric.emplace(*core, *reactor, std::vector<hal::Reactor*>{reactor.get()});
  }
  void run(int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) {
      clock.advance(std::chrono::milliseconds(1));
      card.poll();
      reactor->run_once();
    }
  }
  bool wait(const std::function<void(scsi::Done)>& call) {
    std::optional<bool> good;
    call([&](const base::Result<void>& result) { good = result.has_value(); });
    for (int i = 0; i < 20000 && !good; ++i) run(1);
    return good.value_or(false);
  }
  // A disk at LUN 0, and the port with an initiator logged in.
  bool prepare() {
    scsi::BackstoreConfig store;
    store.kind = scsi::BackstoreConfig::Kind::kRam;
    store.size = std::uint64_t{kBlocks} * 512;
    scsi::LuConfig disk;
    disk.name = "disk";
    scsi::ViewTable views;
    views.views.push_back({.lu = "disk", .host_group = "", .target_group = "", .lun = 0});
    fcp::FabricConfig config;
    config.ports = {{.name = "fc0"}};
    const bool made =
        wait([&](scsi::Done done) { core->add_disk(disk, scsi::make_backstore(store).value(), std::move(done)); }) &&
        wait([&](scsi::Done done) { core->set_views(views, std::move(done)); }) &&
        fabric->attach("fc0", *port).has_value() &&
        wait([&](scsi::Done done) { fabric->apply(config, std::move(done)); });
    bring_up(card, [this](int milliseconds) { run(milliseconds); });
    for (int i = 0; i < 16; ++i) {  // TEST UNIT READY: what the nexus has yet to be told
      card.send({}, 0, 0);
      run(2);
    }
    card.errors = 0;
    return made && port->info().logins == 1;
  }
  void load(bool write, std::uint32_t commands, std::uint32_t depth) {
    const std::uint32_t first = card.begun, end = card.ended + commands;
    while (card.ended < end) {
      while (card.begun - card.ended < depth && card.begun < first + commands) {
        card.command(write, (card.begun - first) * 8 % kBlocks);
      }
      clock.advance(std::chrono::microseconds(10));
      reactor->run_once();
      card.poll();
    }
  }

  base::ManualClock clock;
  Card card;
  std::unique_ptr<hal::Reactor> reactor;
  std::unique_ptr<Adapter> port;
  std::optional<scsi::Core> core;
  std::optional<fcp::Fabric> fabric;
};

}  // namespace

int main(int argc, char** argv) {
  bool write = false;
  std::uint32_t commands = 20000, depth = 32;
  CLI::App app{"a Fibre Channel target and its load in one thread"};
  app.add_flag("--write", write);
  app.add_option("--commands", commands);
  app.add_option("--depth", depth);
  CLI11_PARSE(app, argc, argv);
  base::set_log_level(base::LogLevel::kError);
  World world;
  if (!world.prepare()) {
    std::fprintf(stderr, "fc_path: no login: %s\n%s", world.port->info().state.c_str(),
                 world.port->dump("events").c_str());
    return 1;
  }
  world.load(true, kBlocks / 8, depth);
  world.load(write, commands, depth);
  std::printf("{\"commands\": %u, \"errors\": %u}\n", commands, world.card.errors);
  const bool stopped = world.wait([&](scsi::Done done) { world.fabric->detach("fc0", std::move(done)); });
  return stopped ? 0 : 1;
}
