// The iSNS client with a server that a test plays.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/cursor.h"
#include "ctl/isns/client.h"
#include "tests/support/log_guard.h"

namespace ctl::isns {

using std::chrono::minutes;
using std::chrono::seconds;
using Bytes = std::vector<std::byte>;

struct Parsed {
  Header header;
  Bytes payload;
  std::vector<std::pair<Tag, Bytes>> attributes;
};

inline Parsed parse(const Bytes& message, std::size_t before_attributes = 0) {
  Parsed out;
  base::Reader reader(message);
  out.header = reader.read<Header>().value();
  const auto payload = reader.bytes(out.header.length).value();
  EXPECT_EQ(reader.left(), 0u);
  out.payload.assign(payload.begin(), payload.end());
  AttributeReader attributes(payload.subspan(before_attributes));
  Attribute attribute;
  while (attributes.next(attribute) == AttributeReader::Step::kAttribute) {
    out.attributes.emplace_back(attribute.tag, Bytes(attribute.value.begin(), attribute.value.end()));
  }
  EXPECT_TRUE(attributes.rest().empty());
  return out;
}

inline std::uint32_t number(const Bytes& value) {
  return Attribute{.tag = {}, .value = value}.number().value_or(0xffffffff);
}
inline std::string text(const Bytes& value) {
  return std::string(Attribute{.tag = {}, .value = value}.text().value_or("<none>"));
}

struct FakeLink final : Link {
  explicit FakeLink(FakeLink*& self) { self = this; }
  void set_events(Events& receiver) override { events = &receiver; }
  void connect() override { ++connects; }
  void send(std::span<const std::byte> message) override { sent.emplace_back(message.begin(), message.end()); }
  void close() override { ++closes; }
  std::string local_address() const override { return "192.0.2.1:40000"; }
  std::uint16_t datagram_port() const override { return 5000; }
  Events* events = nullptr;
  int connects = 0, closes = 0;
  std::deque<Bytes> sent;
};

struct IsnsClient : testing::Test {
  IsnsClient() {
    hal::ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 7;
    reactor = hal::Reactor::create(options).value();
    client = std::make_unique<Client>(*reactor,
                                      iscsi::IsnsServer{.address = "192.0.2.6:3205", .entity = "storage.example.org"},
                                      std::make_unique<FakeLink>(link));
  }
  static Offer offer() {
    return {.portals = {{.address = "0.0.0.0:3260", .tag = 1}, {.address = "192.0.2.9:3261", .tag = 2}},
            .nodes = {{.name = "iqn.2026-01.test:a", .alias = "first", .portal_groups = {1}},
                      {.name = "iqn.2026-01.test:b", .alias = "", .portal_groups = {1, 2}}}};
  }
  void settle() {
    while (reactor->run_once()) {
    }
  }
  void advance(base::Duration by) {
    clock.advance(by);
    settle();
  }
  Parsed take() {
    EXPECT_FALSE(link->sent.empty());
    if (link->sent.empty()) return {};
    const Bytes first = std::move(link->sent.front());
    link->sent.pop_front();
    return parse(first);
  }
  void answer(const Parsed& request, std::uint32_t status = 0, const MessageWriter& more = {}) {
    MessageWriter out;
    out.status(status);
    const Bytes tail = more.take(0, 0, 0);
    out.raw(std::span(tail).subspan(sizeof(Header)));
    link->events->received(out.take(request.header.function | kResponse, kFromServer, request.header.transaction));
    settle();
  }
  void register_all() {
    client->offer(offer());
    link->events->connected();
    while (client->state() == State::kTalking) answer(take());
    ASSERT_EQ(client->state(), State::kRegistered);
  }
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  FakeLink* link = nullptr;
  std::unique_ptr<Client> client;
};

}  // namespace ctl::isns
