// qla_path: drivers/qla between a card of few lines and a user that answers at once, for counting the driver's own
// instructions per command. Run under callgrind by instructions.py, which collects inside qla::Adapter::poll only.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/log.h"
#include "tests/bench/qla_card.h"

namespace {

using namespace bench;

struct User final : hal::fc::FcPortUser, hal::fc::FcQueueUser {
  void link_up(const hal::fc::Link&) override { up = true; }
  void link_down() override {}
  void link_service_received(const hal::fc::LinkService& service) override { port->answer(service.id, {}); }
  void logged_in(hal::fc::LoginId login, const hal::fc::RemotePort&, std::uint32_t) override {
    port->open_login(login);
    ++logins;
  }
  void login_ended(hal::fc::LoginId) override {}
  void login_answered(hal::fc::PortId, base::Result<void>) override {}
  void ct_answered(std::uint32_t, hal::fc::CtStatus, std::span<const std::byte>) override {}
  void state_changed(std::span<const std::byte>) override {}
  void adapter_failed(const std::string& reason, bool) override {
    std::fprintf(stderr, "failed: %s\n", reason.c_str());
  }
  void command_received(hal::fc::Exchange& exchange) override {
    hal::fc::ExchangeData data;
    data.segments = std::span(&segment, 1);
    data.length = 4096;
    data.with_status = exchange.reads;
    exchange.reads ? queue->send_data(exchange, data) : queue->receive_data(exchange, data);
  }
  void data_done(hal::fc::Exchange& exchange, hal::fc::DataStatus) override {
    if (exchange.writes) queue->send_response(exchange, {});
  }
  void abort_received(hal::fc::Exchange&) override {}
  void exchange_ended(hal::fc::Exchange&) override {}
  hal::fc::FcPort* port = nullptr;
  hal::fc::FcQueue* queue = nullptr;
  bool up = false;
  int logins = 0;
  std::array<std::byte, 4096> bytes{};
  hal::DmaSpan segment{bytes, {}};
};

}  // namespace

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
  User user;
  user.port = port.get();
  user.queue = port->queues().at(0);
  user.queue->set_user(user);
  port->start(user);
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
