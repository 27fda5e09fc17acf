// Fuzzes what an iSNS server sends: streams cut anywhere, answers with the right numbers, questions by datagram, their
// bytes the input's or made of attributes. What the client says stays well formed, and it is registered only after as
// many good answers as it had requests.
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "ctl/isns/client.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/words.h"
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

// A payload of attributes: tags that are known, lengths that fit but for one in eight.
std::vector<std::byte> attributes(Input& input) {
  static constexpr std::array kTags = {Tag::kDelimiter,      Tag::kEntityIdentifier, Tag::kRegistrationPeriod,
                                       Tag::kPortalAddress,  Tag::kPortalPort,       Tag::kEsiInterval,
                                       Tag::kEsiPort,        Tag::kScnPort,          Tag::kIscsiName,
                                       Tag::kIscsiNodeType,  Tag::kIscsiAlias,       Tag::kScnBitmap,
                                       Tag::kPortalGroupTag, Tag::kTimestamp,        Tag{2000}};
  MessageWriter out;
  for (std::uint8_t i = input.byte() & 7; i > 0; --i) {
    const Tag tag = kTags[input.byte() % kTags.size()];
    const std::uint8_t how = input.byte();
    if ((how & 3) == 0) {
      out.put(tag, static_cast<std::uint32_t>(next_number(input)));
    } else if ((how & 3) == 1) {
      out.put(tag, pick_of("iqn.2026-01.test:a|e|other", how >> 2));
    } else {
      const auto value = std::as_bytes(input.bytes(how >> 3));
      if ((how & 4) != 0 && (how & 0x18) == 0x18) out.status(how);  // four bytes that belong to nothing
      out.put(tag, value);
    }
  }
  return out.take(0, 0, 0);
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
    const bool made = what >= 0xc0;
    auto bytes = made ? attributes(input) : exact(input.bytes(input.word() % 2048));
    if (made) bytes.erase(bytes.begin(), bytes.begin() + sizeof(Header));
    const std::uint8_t numbers = made ? input.byte() : std::uint8_t{0};
    switch (what % 4) {
      case 0:
        if (made) {  // a PDU of a message that has several, or of none
          Header header;
          header.function = static_cast<std::uint16_t>(link->last.function | kResponse);
          header.length = static_cast<std::uint16_t>(bytes.size());
          header.flags = static_cast<std::uint16_t>(kFromServer | (numbers & 3) << 10);
          header.transaction = static_cast<std::uint16_t>(link->last.transaction + (numbers >> 7));
          header.sequence = numbers >> 2 & 7;
          header.version = (numbers & 0x60) == 0x60 ? 2 : 1;
          link->events->received(std::as_bytes(std::span(&header, 1)));
        }
        link->events->received(bytes);
        break;
      case 1: {  // an answer to what was asked
        MessageWriter out;
        if (made) out.status((numbers & 1) != 0 ? 0 : numbers >> 1 & 31);
        out.raw(bytes);
        if (bytes.size() % 4 == 0 && client.state() == State::kTalking) {
          link->events->received(out.take(link->last.function | kResponse, kFromServer, link->last.transaction));
        }
        break;
      }
      case 2: {
        if (made) {
          MessageWriter out;
          out.raw(bytes);
          const auto function = static_cast<std::uint16_t>((numbers & 1) != 0 ? Function::kEsi : Function::kScn);
          bytes = out.take(numbers < 0xf0 ? function : numbers, kFromServer, numbers);
        }
        const auto reply = link->events->asked(bytes);
        REQUIRE(reply.empty() || well_formed(std::span<const std::byte>(reply).subspan(sizeof(Header) + 4)));
        break;
      }
      case 3:
        if (numbers == 0xff) client.stop([] {});
        if (numbers == 0xfe) client.offer({});
        if (numbers == 0xfd) link->events->closed("the server is gone");
        clock.advance(std::chrono::seconds(what));
        break;
    }
    while (reactor->run_once()) {
    }
  }
  return 0;
}
