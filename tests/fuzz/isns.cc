// Fuzzes what an iSNS server sends: streams cut anywhere, answers with the right numbers, questions by datagram, their
// bytes the input's or made of attributes. What the client says stays well formed; it is registered only after the
// server has said as much as answers to all its requests take; what is made of attributes reads as it was written; and
// a client that is stopped has ended when its time is over, whatever the server did before.
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "ctl/isns/client.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/words.h"
#include "tests/support/require.h"

namespace {

using namespace ctl::isns;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kStatus = 4;  // of an answer, before its attributes

struct FuzzLink final : Link {
  explicit FuzzLink(FuzzLink*& self) { self = this; }
  void set_events(Events& receiver) override { events = &receiver; }
  void connect() override {
    connecting = true;
    requests = heard = 0;
  }
  void send(std::span<const std::byte> message) override {
    REQUIRE(connecting && message.size() >= sizeof(Header));
    std::memcpy(&last, message.data(), sizeof last);
    REQUIRE(message.size() == sizeof(Header) + last.length && well_formed(message.subspan(sizeof(Header))));
    ++requests;
  }
  void close() override { connecting = false; }
  std::string local_address() const override { return "192.0.2.1:40000"; }
  std::uint16_t datagram_port() const override { return 5000; }

  void say(std::span<const std::byte> bytes) {
    if (!connecting) return;
    heard += bytes.size();
    events->received(bytes);
  }
  Events* events = nullptr;
  bool connecting = false;
  Header last;
  std::size_t requests = 0, heard = 0;  // since connect(); heard: bytes
};

Bytes exact(std::span<const std::uint8_t> bytes) {
  const auto raw = std::as_bytes(bytes);
  return {raw.begin(), raw.end()};
}

// Attributes: tags that are known, lengths that fit but for one in eight.
struct Attributes {
  MessageWriter out;
  std::vector<std::pair<Tag, Bytes>> said;
  bool fits = true;

  void put(Tag tag, std::span<const std::byte> value) { said.emplace_back(tag, Bytes(value.begin(), value.end())); }
  explicit Attributes(Input& input) {
    static constexpr std::array kTags = {Tag::kDelimiter,      Tag::kEntityIdentifier, Tag::kRegistrationPeriod,
                                         Tag::kPortalAddress,  Tag::kPortalPort,       Tag::kEsiInterval,
                                         Tag::kEsiPort,        Tag::kScnPort,          Tag::kIscsiName,
                                         Tag::kIscsiNodeType,  Tag::kIscsiAlias,       Tag::kScnBitmap,
                                         Tag::kPortalGroupTag, Tag::kTimestamp,        Tag{2000}};
    for (std::uint8_t i = input.byte() & 7; i > 0; --i) {
      const Tag tag = kTags[input.byte() % kTags.size()];
      const std::uint8_t how = input.byte();
      if ((how & 3) == 0) {
        const base::be32 number = static_cast<std::uint32_t>(next_number(input));
        put(tag, std::as_bytes(std::span(&number, 1)));
        out.put(tag, std::uint32_t{number});
      } else if ((how & 3) == 1) {
        const std::string text(pick_of("iqn.2026-01.test:a|e|other|iqn.2026-01.test:*|", how >> 2));
        put(tag, std::as_bytes(std::span(text.c_str(), text.size() + 1)));
        out.put(tag, std::string_view(text));
      } else {
        const auto value = std::as_bytes(input.bytes(how >> 3));
        if ((how & 4) != 0 && (how & 0x18) == 0x18) {  // four bytes that belong to nothing
          out.status(how);
          fits = false;
        }
        put(tag, value);
        out.put(tag, value);
      }
    }
  }
  Bytes payload() const {
    Bytes message = out.take(0, 0, 0);
    message.erase(message.begin(), message.begin() + sizeof(Header));
    return message;
  }
  // Each comes out as it went in, but for zeros to a multiple of four.
  void check() const {
    const Bytes bytes = payload();
    AttributeReader reader(bytes);
    Attribute attribute;
    for (const auto& [tag, value] : said) {
      REQUIRE(reader.next(attribute) == AttributeReader::Step::kAttribute && attribute.tag == tag);
      REQUIRE(attribute.value.size() == (value.size() + 3) / 4 * 4);
      Bytes padded = value;
      padded.resize(attribute.value.size());
      REQUIRE(std::equal(padded.begin(), padded.end(), attribute.value.begin()));
      REQUIRE(attribute.number().has_value() == (padded.size() == 4));
      const auto end = std::find(padded.begin(), padded.end(), std::byte{0});
      const auto text = attribute.text();
      REQUIRE(text.has_value() == (end != padded.end()));
      REQUIRE(!text || text->size() == static_cast<std::size_t>(end - padded.begin()));
    }
    REQUIRE(reader.next(attribute) == AttributeReader::Step::kEnd);
  }
};

struct World {
  explicit World(std::uint8_t mode) {
    iscsi::IsnsServer server{.address = "192.0.2.6:3205", .entity = (mode & 2) != 0 ? "" : "e"};
    server.access_control = (mode & 1) != 0;
    client = std::make_unique<Client>(*reactor, server, std::make_unique<FuzzLink>(link));
    client->on_members([] {});
    iscsi::FabricConfig fabric;
    fabric.portals = {{.address = "0.0.0.0:0"}, {.address = "[::1]:3261"}};
    fabric.targets.resize((mode & 4) != 0 ? 2 : 1);
    for (char name = 'a'; iscsi::Target & target : fabric.targets) {
      target.name = std::string("iqn.2026-01.test:") + name++;
      target.portal_groups = {1};
    }
    client->offer(offer_of(fabric, {"0.0.0.0:3260"}));
  }
  void run() {
    while (reactor->run_once()) {
    }
  }
  void check() const {
    const Info info = client->info();
    REQUIRE(info.registered || info.state != State::kRegistered);
    if (info.state == State::kRegistered) REQUIRE(link->heard >= link->requests * (sizeof(Header) + kStatus));
    if (!info.members) return;
    for (const auto& [node, names] : *info.members) {
      for (const std::string& name : names) REQUIRE(!name.empty() && name.find_first_of("*?") == std::string::npos);
    }
  }
  void stop() {
    stopping = true;
    client->stop([this] { ++stopped; });
  }

  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor =
      hal::Reactor::create({.name = "fuzz", .clock = &clock, .shuffle_seed = 7}).value();
  FuzzLink* link = nullptr;
  std::unique_ptr<Client> client;
  bool stopping = false;
  int stopped = 0;
};

// A PDU of a message that has several, or of none.
void one_pdu(World& world, const Bytes& bytes, std::uint8_t numbers) {
  Header header;
  header.function = static_cast<std::uint16_t>(world.link->last.function | kResponse);
  header.length = static_cast<std::uint16_t>(bytes.size());
  header.flags = static_cast<std::uint16_t>(kFromServer | (numbers & 3) << 10);
  header.transaction = static_cast<std::uint16_t>(world.link->last.transaction + (numbers >> 7));
  header.sequence = numbers >> 2 & 7;
  header.version = (numbers & 0x60) == 0x60 ? 2 : 1;
  world.link->say(std::as_bytes(std::span(&header, 1)));
  world.link->say(bytes);
}

// An answer to what was asked, in one PDU or in two.
void answer(World& world, const Bytes& bytes, bool made, std::uint8_t numbers) {
  MessageWriter out;
  if (made) out.status((numbers & 1) != 0 ? 0 : numbers >> 1 & 31);
  out.raw(bytes);
  if (out.size() % 4 != 0 || world.client->state() != State::kTalking) return;
  const Header asked = world.link->last;
  const Bytes whole = out.take(asked.function | kResponse, kFromServer, asked.transaction);
  if (!made || (numbers & 0x40) == 0) return world.link->say(whole);
  const std::span<const std::byte> payload = std::span(whole).subspan(sizeof(Header));
  const std::size_t cut = payload.size() / 8 * 4;
  for (const bool second : {false, true}) {
    const auto part = second ? payload.subspan(cut) : payload.first(cut);
    Header header;
    std::memcpy(&header, whole.data(), sizeof header);
    header.length = static_cast<std::uint16_t>(part.size());
    header.flags = static_cast<std::uint16_t>(header.flags & ~(second ? kFirst : kLast));
    header.sequence = second ? 1 : 0;
    world.link->say(std::as_bytes(std::span(&header, 1)));
    world.link->say(part);
  }
}

void ask(World& world, Bytes bytes, bool made, std::uint8_t numbers) {
  if (made) {
    MessageWriter out;
    out.raw(bytes);
    const auto function = static_cast<std::uint16_t>((numbers & 1) != 0 ? Function::kEsi : Function::kScn);
    bytes = out.take(numbers < 0xf0 ? function : numbers, kFromServer, numbers);
  }
  const auto reply = world.link->events->asked(bytes);
  REQUIRE(reply.empty() || well_formed(std::span<const std::byte>(reply).subspan(sizeof(Header) + kStatus)));
}

void other(World& world, std::uint8_t what, bool made, std::uint8_t numbers) {
  if (numbers == 0xff && !world.stopping) world.stop();
  if (numbers == 0xfe) world.client->offer({});
  if (numbers == 0xfd && world.link->connecting) {
    world.link->connecting = false;
    world.link->events->closed("the server is gone");
  }
  world.clock.advance(std::chrono::seconds(made ? what >> 2 & 15 : what));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input.byte());
  for (int round = 0; round < 32 && !input.empty(); ++round) {
    const std::uint8_t what = input.byte();
    const bool made = what >= 0xc0;
    Bytes bytes;
    if (made) {
      const Attributes attributes(input);
      if (attributes.fits) attributes.check();
      bytes = attributes.payload();
    } else {
      bytes = exact(input.bytes(input.word() % 2048));
    }
    const std::uint8_t numbers = made ? input.byte() : std::uint8_t{0};
    if (what % 4 != 3 && world.link->connecting && world.client->state() == State::kConnecting) {
      world.link->events->connected();
    }
    switch (what % 4) {
      case 0:
        if (made) {
          one_pdu(world, bytes, numbers);
        } else {
          world.link->say(bytes);
        }
        break;
      case 1:
        answer(world, bytes, made, numbers);
        break;
      case 2:
        ask(world, std::move(bytes), made, numbers);
        break;
      default:
        other(world, what, made, numbers);
    }
    world.run();
    world.check();
  }
  if (!world.stopping) world.stop();
  world.clock.advance(std::chrono::seconds(3));
  world.run();
  REQUIRE(world.stopped == 1 && world.client->state() == State::kIdle);
  return 0;
}
