// Fuzzes what an iSNS server sends: streams cut anywhere, answers with the right numbers, questions by datagram. What
// the client says stays well formed, and it is registered only after as many good answers as it had requests.
#include <cstring>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "ctl/isns/client.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"

namespace {

using namespace ctl::isns;

struct FuzzLink final : Link {
  explicit FuzzLink(FuzzLink*& self) { self = this; }
  void set_events(Events& receiver) override { events = &receiver; }
  void connect() override { connecting = true; }
  void send(std::span<const std::byte> message) override {
    REQUIRE(message.size() >= sizeof(Header));
    std::memcpy(&last, message.data(), sizeof last);
    REQUIRE(message.size() == sizeof(Header) + last.length && well_formed(message.subspan(sizeof(Header))));
  }
  void close() override { connecting = false; }
  std::string local_address() const override { return "192.0.2.1:40000"; }
  std::uint16_t datagram_port() const override { return 5000; }
  Events* events = nullptr;
  bool connecting = false;
  Header last;
};

std::vector<std::byte> exact(std::span<const std::uint8_t> bytes) {
  const auto raw = std::as_bytes(bytes);
  return {raw.begin(), raw.end()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  base::ManualClock clock;
  hal::ReactorOptions options;
  options.clock = &clock;
  options.shuffle_seed = 7;
  const auto reactor = hal::Reactor::create(options).value();
  FuzzLink* link = nullptr;
  Client client(*reactor, {.address = "192.0.2.6:3205", .entity = "e"}, std::make_unique<FuzzLink>(link));
  client.offer({.portals = {{.address = "0.0.0.0:3260"}},
                .nodes = {{.name = "iqn.2026-01.test:a", .alias = "", .portal_groups = {1}}}});
  for (int round = 0; round < 32 && !input.empty(); ++round) {
    const std::uint8_t what = input.byte();
    if (link->connecting && client.state() == State::kConnecting) link->events->connected();
    const auto bytes = exact(input.bytes(input.word() % 2048));
    switch (what % 4) {
      case 0:
        link->events->received(bytes);
        break;
      case 1: {  // an answer to what was asked
        MessageWriter out;
        out.raw(bytes);
        if (bytes.size() % 4 == 0 && client.state() == State::kTalking) {
          link->events->received(out.take(link->last.function | kResponse, kFromServer, link->last.transaction));
        }
        break;
      }
      case 2: {
        const auto reply = link->events->asked(bytes);
        REQUIRE(reply.empty() || well_formed(std::span<const std::byte>(reply).subspan(sizeof(Header) + 4)));
        break;
      }
      case 3:
        clock.advance(std::chrono::seconds(what));
        break;
    }
    while (reactor->run_once()) {
    }
  }
  return 0;
}
