// Fuzzes what an adapter may say to drivers/qla: ring entries, events and mailbox answers of any content, after a
// regular bring-up. Whatever comes, the port keeps its contract with its user and can be stopped.
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/log.h"
#include "drivers/qla/adapter.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"
#include "tests/unit/qla/fake_card.h"

namespace {

using namespace qla;

struct User final : hal::fc::FcPortUser, hal::fc::FcQueueUser {
  static constexpr std::uint32_t kExchanges = 16;
  struct Slot {
    bool used = false, ending = false, rides = false;
    std::uint32_t out = 0;
    hal::fc::LoginId login = 0;
    hal::fc::Exchange* exchange = nullptr;
  };
  void link_up(const hal::fc::Link&) override {}
  void link_down() override {}
  void link_service_received(const hal::fc::LinkService& service) override {
    port->answer(service.id, {.accept = service.from.id.raw % 5 != 4});
  }
  void logged_in(hal::fc::LoginId login, const hal::fc::RemotePort&, std::uint32_t) override {
    REQUIRE(login < logins.size() && !logins[login]);
    logins[login] = true;
    ended[login] = false;
    port->open_login(login);
  }
  void login_ended(hal::fc::LoginId login) override {
    REQUIRE(logins[login] && !ended[login]);
    ended[login] = true;
    for (Slot& slot : slots) {
      if (slot.used && slot.login == login && slot.out == 0 && !slot.ending) drop(slot);
    }
    release(login);
  }
  void login_answered(hal::fc::PortId, base::Result<void>) override {}
  void ct_answered(std::uint32_t, hal::fc::CtStatus, std::span<const std::byte>) override { --cts; }
  void state_changed(std::span<const std::byte> pages) override { REQUIRE(pages.size() % 4 == 0); }
  void state_change_reported(base::Result<void>) override {}
  void adapter_failed(const std::string&, bool) override {}

  void command_received(hal::fc::Exchange& exchange) override {
    REQUIRE(exchange.index < kExchanges && exchange.cdb_length <= exchange.cdb.size());
    Slot& slot = slots[exchange.index];
    REQUIRE(!slot.used && logins[exchange.login] && !ended[exchange.login]);
    slot = {.used = true, .login = exchange.login, .exchange = &exchange};
    hal::fc::ExchangeData data;
    data.segments = std::span(&segment, 1);
    data.length = static_cast<std::uint32_t>(segment.bytes.size());
    switch (exchange.cdb[0] % 4) {
      case 0:
        slot.ending = true;
        return port->queues()[0]->send_response(
            exchange, {.status = exchange.cdb[1], .sense = segment.bytes.first(exchange.cdb[2])});
      case 1:
        slot.rides = data.with_status = true;
        [[fallthrough]];
      case 2:
        slot.out = 1;
        return port->queues()[0]->send_data(exchange, data);
      default:
        slot.out = 2;
        port->queues()[0]->receive_data(exchange, data);
        return port->queues()[0]->receive_data(exchange, data);
    }
  }
  void data_done(hal::fc::Exchange& exchange, hal::fc::DataStatus status) override {
    Slot& slot = slots[exchange.index];
    REQUIRE(slot.used && slot.out > 0);
    if (--slot.out != 0) return;
    if (slot.rides && status == hal::fc::DataStatus::kDone) return gone(slot);
    drop(slot);
  }
  void abort_received(hal::fc::Exchange& exchange) override {
    Slot& slot = slots[exchange.index];
    REQUIRE(slot.used && !slot.ending);
    if (slot.out == 0) drop(slot);
  }
  void exchange_ended(hal::fc::Exchange& exchange) override {
    Slot& slot = slots[exchange.index];
    REQUIRE(slot.used && slot.ending && slot.out == 0);
    gone(slot);
  }
  void drop(Slot& slot) {
    slot.ending = true;
    port->queues()[0]->drop(*slot.exchange);
  }
  void gone(Slot& slot) {
    slot.used = false;
    if (ended[slot.login]) release(slot.login);
  }
  void release(hal::fc::LoginId login) {
    for (const Slot& slot : slots) {
      if (slot.used && slot.login == login) return;
    }
    logins[login] = false;
    port->release_login(login);
  }
  Adapter* port = nullptr;
  std::array<Slot, kExchanges> slots;
  std::array<bool, 8> logins{}, ended{};
  int cts = 0;
  std::array<std::byte, 512> bytes{};
  hal::DmaSpan segment{bytes, {}};
};

// Bytes of the input laid over an entry that is right, so that most of it stays plausible.
wire::Entry entry_from(Input& input, const wire::Entry& base) {
  wire::Entry entry = base;
  auto* const bytes = reinterpret_cast<std::uint8_t*>(&entry);
  for (std::uint8_t changes = input.byte() % 8; changes > 0; --changes) bytes[input.byte() % 60] = input.byte();
  bytes[63] = 1;  // a signature is never that of a taken entry
  return entry;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::set_log_level(base::LogLevel::kOff);
  Input input(data, size);
  base::ManualClock clock;
  hal::ReactorOptions settings;
  settings.clock = &clock;
  settings.shuffle_seed = 1;
  auto reactor = hal::Reactor::create(settings).value();
  FakeCard card;
  Options options;
  options.exchanges = User::kExchanges;
  options.logins = 8;
  auto port = Adapter::create(card.open(), *reactor, options).value();
  User user;
  user.port = port.get();
  port->queues()[0]->set_user(user);
  const auto run = [&](int rounds, base::Duration each) {
    for (int i = 0; i < rounds; ++i) {
      clock.advance(each);
      reactor->run_once();
    }
  };
  port->start(user);
  run(150, std::chrono::milliseconds(1));
  wire::Entry last{};
  while (!input.empty()) {
    const std::uint8_t what = input.byte();
    switch (what % 8) {
      case 0:
        card.event(static_cast<regs::InterruptCode>(input.byte()), {input.word(), input.word(), input.word()});
        break;
      case 1:
        card.event(regs::InterruptCode::kAsyncEvent,
                   {std::uint16_t(0x8000 | input.byte()), input.word(), input.word()});
        break;
      case 2:
        card.answers[input.byte()] = [word = input.word()](const auto&, auto& out) { out[0] = word; };
        break;
      case 3:  // an answer to what the driver sent
        if (!card.requests.empty()) {
          last = card.requests.front();
          card.requests.pop_front();
        }
        if (card.ready()) card.response(entry_from(input, last));
        break;
      case 4: {
        wire::ImmediateNotify notify{};
        notify.head.type = 0x0d;
        notify.head.count = 1;
        notify.status = 0x46;
        notify.subcode = (what & 8) != 0 ? 0x03 : 0x20;
        notify.nport = what >> 5;
        notify.port_id = what >> 5;
        notify.port_name[7] = static_cast<std::uint8_t>(1 + (what >> 5));
        wire::Entry entry;
        std::memcpy(static_cast<void*>(&entry), static_cast<const void*>(&notify), sizeof entry);
        if (card.ready()) card.atio(entry_from(input, entry));
        break;
      }
      case 5: {
        wire::Atio7 atio{};
        atio.type = 0x06;
        atio.count = 1;
        atio.attribute_length = 0x38;
        atio.exchange = what;
        atio.header.s_id = what >> 5;
        atio.cdb[0] = input.byte();
        wire::Entry entry;
        std::memcpy(static_cast<void*>(&entry), static_cast<const void*>(&atio), sizeof entry);
        if (card.ready()) card.atio(entry_from(input, entry));
        break;
      }
      case 6:
        card.consumes = (what & 8) != 0;
        break;
      default:
        run(1 + what / 8, std::chrono::milliseconds((what & 64) != 0 ? 500 : 1));
    }
    run(1, std::chrono::microseconds(200));
  }
  card.answers.clear();
  card.consumes = true;
  bool stopped = false;
  port->stop([&] { stopped = true; });
  run(300, std::chrono::milliseconds(100));
  REQUIRE(stopped);
  return 0;
}
