// The user of one port, physical or virtual, that the fuzzing of drivers/qla serves: it answers as the contract of
// hal::fc allows, and holds the port to its side of it.
#pragma once

#include <array>
#include <cstdint>

#include "drivers/qla/adapter.h"
#include "tests/support/require.h"

struct QlaUser final : hal::fc::FcPortUser, hal::fc::FcQueueUser {
  static constexpr std::uint32_t kExchanges = 16, kLogins = 8;
  struct Slot {
    bool used = false, ending = false, rides = false;
    std::uint32_t out = 0;
    hal::fc::LoginId login = 0;
    hal::fc::Exchange* exchange = nullptr;
  };

  void link_up(const hal::fc::Link&) override { up = true; }
  void link_down() override { up = false; }
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
  void ct_answered(std::uint32_t id, hal::fc::CtStatus, std::span<const std::byte> reply) override {
    REQUIRE(id < 32 && (cts >> id & 1) != 0 && reply.size() <= hal::fc::FcPort::kMaxCtBytes);
    cts &= ~(1u << id);
    for (const std::byte byte : reply) seen ^= static_cast<unsigned>(byte);
  }
  void state_changed(std::span<const std::byte> pages) override { REQUIRE(pages.size() % 4 == 0); }
  void state_change_reported(base::Result<void>) override {}
  void adapter_failed(const std::string&, bool) override {}

  void command_received(hal::fc::Exchange& exchange) override {
    REQUIRE(exchange.index < kExchanges && exchange.cdb_length <= exchange.cdb.size());
    Slot& slot = slots[exchange.index];
    REQUIRE(!slot.used && logins[exchange.login] && !ended[exchange.login]);
    slot = {.used = true, .login = exchange.login, .exchange = &exchange};
    hal::fc::FcQueue& queue = *port->queues()[0];
    hal::fc::ExchangeData data;
    data.segments = std::span(&segment, 1);
    data.length = static_cast<std::uint32_t>(segment.bytes.size());
    switch (exchange.cdb[0] % 4) {
      case 0:
        slot.ending = true;
        return queue.send_response(exchange,
                                   {.status = exchange.cdb[1], .sense = segment.bytes.first(exchange.cdb[2])});
      case 1:
        slot.rides = data.with_status = true;
        [[fallthrough]];
      case 2:
        slot.out = 1;
        return queue.send_data(exchange, data);
      default:
        slot.out = 2;
        queue.receive_data(exchange, data);
        return queue.receive_data(exchange, data);
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

  // What a user does of itself: a request to the name server, a login to a well-known port, the end of a login.
  void ask(std::uint8_t what) {
    std::uint32_t id = 0;
    while (id < 32 && (cts >> id & 1) != 0) ++id;
    if (id < 32 && port->send_ct(id, hal::fc::PortId{0xfffffc}, segment.bytes.first(16u + what % 32), kLimit)) {
      cts |= 1u << id;
    }
  }
  void end(hal::fc::LoginId login) {
    if (login < logins.size() && logins[login] && !ended[login]) port->end_login(login);
  }

  hal::fc::FcPort* port = nullptr;
  bool up = false;
  std::array<Slot, kExchanges> slots;
  std::array<bool, kLogins> logins{}, ended{};

 private:
  static constexpr base::Duration kLimit = std::chrono::seconds(2);
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
  std::uint32_t cts = 0;  // ids of CT requests that are out
  unsigned seen = 0;
  std::array<std::byte, 512> bytes{};
  hal::DmaSpan segment{bytes, {}};
};
