// A port of drivers/qla on a scripted adapter, and a user that writes down what it is told.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "drivers/qla/adapter.h"
#include "hal/dma.h"
#include "hal/reactor.h"
#include "tests/support/log_guard.h"
#include "tests/unit/qla/fake_card.h"

namespace qla {

struct PortFixture : testing::Test, hal::fc::FcPortUser, hal::fc::FcQueueUser {
  static constexpr std::uint32_t kInitiator = 0x010400;
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  FakeCard card;
  explicit PortFixture(std::uint16_t device = 0x2532) : card(device) {}
  std::unique_ptr<Adapter> port;
  hal::fc::FcQueue* queue = nullptr;
  std::vector<std::string> told;
  hal::fc::Link link;
  std::vector<hal::fc::Exchange*> commands;
  std::vector<hal::fc::LinkService> services;
  std::vector<hal::fc::LoginId> logins, ended;
  std::vector<hal::fc::DataStatus> data;
  std::uint32_t exchanges_ended = 0, aborts = 0;
  std::vector<std::byte> medium = std::vector<std::byte>(1 << 20);
  hal::DmaSpan segment{medium, hal::Iova{reinterpret_cast<std::uintptr_t>(medium.data())}};

  void SetUp() override {
    hal::ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 1;
    reactor = hal::Reactor::create(options).value();
  }
  virtual Options port_options() {
    Options options;
    options.exchanges = 64;
    options.logins = 8;
    return options;
  }
  void open() {
    port = Adapter::create(card.open(), *reactor, port_options()).value();
    queue = port->queues().at(0);
    queue->set_user(*this);
  }
  void run(int rounds = 20, base::Duration each = std::chrono::milliseconds(1)) {
    for (int i = 0; i < rounds; ++i) {
      clock.advance(each);
      reactor->run_once();
    }
  }
  void bring_up() {
    open();
    port->start(*this);
    run(200);
    card.event(regs::InterruptCode::kAsyncEvent, {0x8011, 4});
    run(400);
    EXPECT_EQ(request<wire::Marker>(wire::EntryType::kMarker).head.handle, wire::kMarkerNoReply);
  }
  wire::ImmediateNotify notify(std::uint8_t els, std::uint32_t s_id = kInitiator, std::uint16_t nport = 5) {
    wire::ImmediateNotify entry{};
    entry.head.type = static_cast<std::uint8_t>(wire::EntryType::kImmediateNotify);
    entry.head.count = 1;
    entry.nport = nport;
    entry.status = 0x46;
    entry.subcode = els;
    entry.exchange = 0x1000 + s_id;
    entry.port_name = {0x21, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(s_id >> 8)};
    entry.port_id = s_id;
    if (els == 0x20) entry.detail[0] = 0x22;
    return entry;
  }
  template <class T>
  void give_atio(const T& entry) {
    wire::Entry plain;
    std::memcpy(static_cast<void*>(&plain), static_cast<const void*>(&entry), sizeof plain);
    card.atio(plain);
  }
  template <class T>
  void give_response(const T& entry) {
    wire::Entry plain;
    std::memcpy(static_cast<void*>(&plain), static_cast<const void*>(&entry), sizeof plain);
    card.response(plain);
  }
  template <class T>
  T request(wire::EntryType type) {
    const wire::Entry entry = card.next_request();
    EXPECT_EQ(entry.head.type, static_cast<std::uint8_t>(type));
    T typed;
    std::memcpy(static_cast<void*>(&typed), static_cast<const void*>(&entry), sizeof typed);
    return typed;
  }
  // The firmware's side of what the driver sent.
  void acknowledge() {
    auto ack = request<wire::NotifyAck>(wire::EntryType::kNotifyAck);
    ack.status = wire::kNotifyAckOk;
    give_response(ack);
    run(2);
  }
  void log_in(std::uint32_t s_id = kInitiator, std::uint16_t nport = 5) {
    for (const std::uint8_t els : std::initializer_list<std::uint8_t>{0x03, 0x20}) {
      give_atio(notify(els, s_id, nport));
      run(2);
      ASSERT_FALSE(services.empty());
      port->answer(services.back().id, {});
      run(2);
      acknowledge();
    }
    ASSERT_FALSE(logins.empty());
    port->open_login(logins.back());
  }
  wire::Atio7 command(std::uint32_t exchange, std::uint32_t length = 4096, bool writes = false,
                      std::uint32_t s_id = kInitiator) {
    wire::Atio7 atio{};
    atio.type = static_cast<std::uint8_t>(wire::EntryType::kAtio7);
    atio.count = 1;
    atio.attribute_length = 0x2038;
    atio.exchange = exchange;
    atio.header.s_id = s_id;
    atio.header.ox_id = static_cast<std::uint16_t>(exchange);
    atio.header.rx_id = 0xffff;
    atio.lun[1] = 7;
    atio.flags = writes ? 1 : 2;
    atio.cdb[0] = writes ? 0x2a : 0x28;
    atio.data_length = length;
    return atio;
  }
  wire::Ctio7Done done(const wire::CtioHead& ctio, wire::CtioStatus status = wire::CtioStatus::kOk) {
    wire::Ctio7Done entry{};
    entry.head = ctio.head;
    entry.status = static_cast<std::uint16_t>(status);
    entry.exchange = ctio.exchange;
    entry.ox_id = ctio.ox_id;
    return entry;
  }
  hal::fc::ExchangeData all(bool with_status) {
    hal::fc::ExchangeData step;
    step.segments = std::span(&segment, 1);
    step.length = static_cast<std::uint32_t>(medium.size());
    step.with_status = with_status;
    return step;
  }
  std::uint64_t counter(Count count) { return port->info().counters.at(static_cast<std::size_t>(count)).second; }

  // FcPortUser
  void link_up(const hal::fc::Link& now) override {
    link = now;
    told.push_back("link up");
  }
  void link_down() override { told.push_back("link down"); }
  void link_service_received(const hal::fc::LinkService& service) override { services.push_back(service); }
  void logged_in(hal::fc::LoginId login, const hal::fc::RemotePort&, std::uint32_t) override {
    logins.push_back(login);
  }
  bool release_at_once = true;
  void login_ended(hal::fc::LoginId login) override {
    ended.push_back(login);
    if (release_at_once) port->release_login(login);
  }
  void login_answered(hal::fc::PortId, base::Result<void> result) override {
    told.push_back(result.has_value() ? "login good" : "login refused");
  }
  void ct_answered(std::uint32_t id, hal::fc::CtStatus status, std::span<const std::byte> reply) override {
    told.push_back("ct " + std::to_string(id) + " " + std::to_string(static_cast<int>(status)) + " " +
                   std::to_string(reply.size()));
  }
  void state_changed(std::span<const std::byte> pages) override {
    told.push_back("state changed " + std::to_string(pages.size()));
  }
  void state_change_reported(base::Result<void> result) override {
    told.push_back(result ? "state change reported" : "state change not reported: " + result.error().text);
  }
  void adapter_failed(const std::string& reason, bool recovers) override {
    told.push_back("failed: " + reason + (recovers ? ", recovers" : ""));
  }
  // FcQueueUser
  void command_received(hal::fc::Exchange& exchange) override { commands.push_back(&exchange); }
  void data_done(hal::fc::Exchange&, hal::fc::DataStatus status) override { data.push_back(status); }
  void abort_received(hal::fc::Exchange&) override { ++aborts; }
  void exchange_ended(hal::fc::Exchange&) override { ++exchanges_ended; }
};

}  // namespace qla
