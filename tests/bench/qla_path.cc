// qla_path: drivers/qla between a card of few lines and a user that answers at once, for counting the driver's own
// instructions per command. Run under callgrind by instructions.py, which collects inside qla::Adapter::poll only.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/log.h"
#include "drivers/qla/adapter.h"

namespace {

using namespace qla;

// Takes every request at once, completes it at once, and brings a new command for each that ended.
struct Card final : hal::MmioTrap {
  std::uint64_t read(std::uint32_t offset, unsigned) override {
    if (offset >= 0x80 && offset < 0xc0) return out[(offset - 0x80) / 2];
    switch (offset) {
      case 0x00:
        return 0x80000000u;
      case 0x20:
        return request_out;
      case 0x24:
        return response_in;
      case 0x3c:
        return atio_in;
      case 0x44:
        return pending ? std::uint32_t{out[0]} << 16 | 0x8000u | code : 0u;
      default:
        return 0;
    }
  }
  void write(std::uint32_t offset, unsigned, std::uint64_t value) override {
    if (offset >= 0x80 && offset < 0xc0) in[(offset - 0x80) / 2] = static_cast<std::uint16_t>(value);
    if (offset == 0x08 && (value & 1) != 0) out = {};
    if (offset == 0x48 && value >> 28 == 5) mailbox();
    if (offset == 0x48 && value >> 28 == 0xa) pending = false;
    if (offset == 0x1c) request_in = static_cast<std::uint32_t>(value);
  }
  void mailbox() {
    out = in;
    out[0] = 0x4000;
    if (in[0] == 0x60) {
      const std::uint64_t block =
          std::uint64_t{in[6]} << 48 | std::uint64_t{in[7]} << 32 | std::uint64_t{in[2]} << 16 | in[3];
      std::memcpy(static_cast<void*>(&icb), reinterpret_cast<const void*>(block), sizeof icb);
    }
    if (in[0] == 0x69) out[1] = 3;
    event(0x10);
  }
  void event(std::uint8_t what) {
    code = what;
    pending = true;
  }
  template <class T>
  static T take(std::uint64_t ring, std::uint32_t& index, std::uint32_t length) {
    T entry;
    std::memcpy(static_cast<void*>(&entry), reinterpret_cast<const std::byte*>(ring) + std::size_t{index} * 64, 64);
    index = (index + 1) % length;
    return entry;
  }
  template <class T>
  static void put(std::uint64_t ring, std::uint32_t& index, std::uint32_t length, const T& entry) {
    std::memcpy(reinterpret_cast<std::byte*>(ring) + std::size_t{index} * 64, static_cast<const void*>(&entry), 64);
    index = (index + 1) % length;
  }
  template <class T>
  void respond(const T& entry) {
    put(icb.response_address, response_in, icb.response_length, entry);
  }
  template <class T>
  void notify(const T& entry) {
    put(icb.atio_address, atio_in, icb.atio_length, entry);
  }

  void poll() {
    while (request_out != request_in) {
      auto entry = take<wire::Ctio7Done>(icb.request_address, request_out, icb.request_length);
      if (entry.head.type == static_cast<std::uint8_t>(wire::EntryType::kNotifyAck)) {
        wire::NotifyAck ack;
        std::memcpy(static_cast<void*>(&ack), static_cast<const void*>(&entry), 64);
        ack.status = wire::kNotifyAckOk;
        respond(ack);
      }
      if (entry.head.type != static_cast<std::uint8_t>(wire::EntryType::kCtio7)) continue;
      ended += wire::CtioFlags::SendStatus::get(entry.flags) ? 1u : 0u;
      entry.status = static_cast<std::uint16_t>(wire::CtioStatus::kOk);
      respond(entry);
    }
  }
  void command(bool write) {
    wire::Atio7 atio{};
    atio.type = static_cast<std::uint8_t>(wire::EntryType::kAtio7);
    atio.count = 1;
    atio.attribute_length = 0x38;
    atio.exchange = ++begun;
    atio.header.s_id = 0x010100u;
    atio.header.ox_id = static_cast<std::uint16_t>(begun);
    atio.flags = write ? 1 : 2;
    atio.cdb[0] = write ? 0x2a : 0x28;
    atio.data_length = 4096u;
    notify(atio);
  }
  void link_service(std::uint8_t els) {
    wire::ImmediateNotify entry{};
    entry.head.type = static_cast<std::uint8_t>(wire::EntryType::kImmediateNotify);
    entry.head.count = 1;
    entry.nport = 1;
    entry.status = 0x46;
    entry.subcode = els;
    entry.port_id = 0x010100u;
    entry.port_name = {0x21, 0, 0, 0, 0, 0, 0, 1};
    notify(entry);
  }

  std::array<std::uint16_t, 32> in{}, out{};
  bool pending = false;
  std::uint8_t code = 0;
  std::uint32_t request_in = 0, request_out = 0, response_in = 0, atio_in = 0;
  std::uint32_t begun = 0, ended = 0;
  wire::InitBlock icb{};
};

struct Pci final : hal::PciDevice {
  explicit Pci(Card& its) : card(its) {
    id.vendor = 0x1077;
    id.device = 0x2532;
    id.interrupt_pin = 1;
  }
  const hal::PciIdentity& identity() const override { return id; }
  base::Result<std::uint32_t> config_read(std::uint16_t, unsigned) override { return 0u; }
  base::Result<void> config_write(std::uint16_t, unsigned, std::uint32_t) override { return {}; }
  base::Result<hal::Mmio> map_bar(hal::Bar) override { return hal::Mmio(card, 0x4000); }
  base::Result<void> enable_dma() override { return {}; }
  void disable_dma() override {}
  unsigned interrupt_vectors(hal::InterruptKind kind) const override {
    return kind == hal::InterruptKind::kMsi ? 1 : 0;
  }
  base::Result<void> set_interrupts(hal::InterruptKind, unsigned) override { return {}; }
  base::Result<int> interrupt_fd(unsigned) const override { return 0; }
  void unmask_intx() override {}
  base::Result<void> reset() override { return {}; }
  bool gone() const override { return false; }
  Card& card;
  hal::PciIdentity id;
};

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
  Options options;
  options.port_name.raw = 0x2100000000000001;
  options.firmware.resize(128);  // two segments of a head and 8 dwords
  for (const std::size_t at : {0u, 64u}) {
    options.firmware[at + 9] = std::byte{0x10};
    options.firmware[at + 15] = std::byte{16};
    options.firmware[at + 19] = std::byte{8};
  }
  auto port = Adapter::create(std::make_unique<Pci>(card), *reactor, options).value();
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
  run(500);
  card.out[0] = 0x8011;
  card.event(0x12);
  run(2000);
  for (const std::uint8_t els : {std::uint8_t{0x03}, std::uint8_t{0x20}}) {
    card.link_service(els);
    run(10);
  }
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
