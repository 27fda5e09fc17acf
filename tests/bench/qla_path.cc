// qla_path: drivers/qla between a card of few lines and a user that answers at once, for counting the driver's own
// instructions per command. Run under callgrind by instructions.py, which collects inside qla::Adapter::poll only.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/log.h"
#include "tests/bench/qla_card.h"
#include "tests/bench/qla_user.h"

using namespace bench;

int main(int argc, char** argv) {
  bool write = false;
  std::uint32_t commands = 20000, depth = 32;
  CLI::App app{"drivers/qla alone"};
  app.add_flag("--write", write);
  app.add_option("--commands", commands);
  app.add_option("--depth", depth);
  CLI11_PARSE(app, argc, argv);
  base::set_log_level(base::LogLevel::kError);
  base::ManualClock clock;
  hal::ReactorOptions settings;
  settings.clock = &clock;
  auto reactor = hal::Reactor::create(settings).value();
  Card card;
  auto port = Adapter::create(std::make_unique<Pci>(card), *reactor, card_options()).value();
  std::array<std::byte, 4096> bytes{};
  User user(*port, {bytes, {}});
  const auto run = [&](int rounds) {
    for (int i = 0; i < rounds; ++i) {
      clock.advance(std::chrono::milliseconds(1));
      card.poll();
      reactor->run_once();
    }
  };
  bring_up(card, run);
  if (!user.up || user.logins != 1) {
    std::fprintf(stderr, "qla_path: no login: %s\n%s", port->info().state.c_str(), port->dump("events").c_str());
    return 1;
  }
  while (card.ended < commands) {
    while (card.begun - card.ended < depth && card.begun < commands) card.command(write);
    clock.advance(std::chrono::microseconds(10));
    reactor->run_once();
    card.poll();
  }
  std::printf("{\"commands\": %u, \"errors\": 0}\n", commands);
  return 0;
}
