// Fuzzes the vfio-user server with a toy device behind it, or an odd one: any sequence of messages, well formed or not,
// with and without descriptors, and a client that serves its memory or does not, reads or does not, goes at any time.
// What the server accepts must be answered; it must never wait for long, and never touch memory that was not mapped.
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <optional>

#include "base/log.h"
#include "emu/host/served.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/vfio_user_input.h"
#include "tests/fuzz/vfio_user_odd_device.h"
#include "tests/fuzz/vfio_user_reader.h"
#include "tests/support/require.h"
#include "tests/support/toy_model.h"
#include "tests/support/vfio_user_peer.h"

namespace {

using test_support::VfioUserPeer;
using vfio_user_input::Heard;
using vfio_user_input::OddDevice;
using vfio_user_input::Reader;
namespace vu = hal::vfio_user;

enum Mode : std::uint8_t {  // first byte of an input
  kNoVersion = 1,
  kDoesNotRead = 2,  // until the end, and the server's socket holds little
  kShortData = 4,    // the client takes 16 bytes of data in a message
  kOdd = 8,          // the device
};

// Answers for the client's memory, sent when the device is about to ask for it: else it would wait.
struct Answers {
  VfioUserPeer& peer;
  Heard& heard;
  std::uint8_t how = 0;  // right, or wrong in one thing; or the client has gone, or answers once it is asked
  bool wanted = false;
  std::uint16_t last_asked = 0;  // id of the server's last request
  std::optional<Reader> reader = {};

  void answer(vu::Command command, std::uint16_t id, std::uint64_t count) const {
    vfio_user_input::Made reply;
    vfio_user_input::put(reply, vu::DmaAccess{0, count + ((how & 0xf0) == 0xd0 ? 1 : 0)});
    if (command == vu::Command::kDmaRead) reply.payload.resize(reply.payload.size() + count);
    const std::uint32_t flags = vu::kReplyType | vu::Header::Failed::of((how & 0xf0) == 0xe0);
    peer.send_bytes(VfioUserPeer::message(command, reply.payload, flags, id));
  }
  void begin() {
    if (!std::exchange(wanted, false)) return;
    switch (how & 0xf0) {
      case 0xf0:
        return peer.no_more();
      case 0xc0:
        reader.emplace(
            peer, heard, std::chrono::milliseconds(0),
            [this](const vu::Header& header, std::span<const std::byte> payload) { serve(header, payload); });
        return;
      case 0xb0: {  // something else first
        std::vector<std::byte> others;
        for (int i = (how & 15) == 15 ? 1100 : how & 15; i > 0; --i) {
          const auto one = VfioUserPeer::message(vu::Command::kReset, {});
          others.insert(others.end(), one.begin(), one.end());
        }
        peer.send_bytes(others);
        break;
      }
      default:
        break;
    }
    auto id = last_asked;
    for (const auto command : {vu::Command::kDmaRead, vu::Command::kDmaWrite}) answer(command, ++id, how & 0x3f);
  }
  void serve(const vu::Header& header, std::span<const std::byte> payload) {
    vu::DmaAccess access;
    if (vu::Header::Type::get(header.flags) != 0 || !vu::take(payload, access)) return;
    last_asked = header.id;
    answer(static_cast<vu::Command>(std::uint16_t{header.command}), header.id, access.count);
  }
  void end() { reader.reset(); }
};

struct Device final : test_support::ToyModel {
  Device(emu::ModelHost& host, Answers& from) : ToyModel(host), answers(from) {}
  void bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) override {
    rung |= bar == hal::Bar::k1 && offset == test_support::toy::Doorbell::kOffset;
    ToyModel::bar_write(bar, offset, width, value);
  }
  bool poll() override {
    if (std::exchange(rung, false)) answers.begin();
    const bool moved = ToyModel::poll();
    answers.end();
    return moved;
  }
  Answers& answers;
  bool rung = false;
};

// What was read or written lies within a region.
void check_access(const vu::Header& header, std::span<const std::byte> payload, bool odd) {
  const auto command = static_cast<vu::Command>(std::uint16_t{header.command});
  if (command != vu::Command::kRegionRead && command != vu::Command::kRegionWrite) return;
  if (vu::Header::Type::get(header.flags) == 0 || vu::Header::Failed::get(header.flags)) return;
  vu::RegionAccess access;
  REQUIRE(vu::take(payload, access));
  const std::uint64_t longest = !odd ? 4096 : access.region == OddDevice::kLong ? vu::kMaxDataTransfer : 8192;
  REQUIRE(access.count <= longest && access.offset <= longest - access.count);
}

struct World {
  explicit World(std::uint8_t how) : mode(how) {
    REQUIRE(ftruncate(memory.get(), 65536) == 0);
    base::Fd theirs = peer.take_other_end();
    const int small = 4096;
    if ((mode & kDoesNotRead) != 0) setsockopt(theirs.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    if ((mode & kOdd) != 0) {
      server.emplace(*reactor, odd, std::move(theirs));
    } else {
      host.emplace(*reactor, clock, "toy");
      model.emplace(*host, answers);
      host->attach(*model);
      host->serve(std::move(theirs));
      reactor->add(*host);
    }
    if ((mode & kNoVersion) == 0) say_version();
    run();
  }
  void say_version() {
    vfio_user_input::Made made;
    vfio_user_input::put(made, vu::Version{0, 1});
    constexpr std::string_view kText = R"({"capabilities":{"max_data_xfer_size":16}})";
    const auto text = std::as_bytes(std::span(kText));
    if ((mode & kShortData) != 0) made.payload.insert(made.payload.end(), text.begin(), text.end());
    peer.send(vu::Command::kVersion, made.payload);
  }
  bool connected() const { return host ? host->connected() : server->connected(); }
  void run() {
    for (int i = 0; i < 16 && reactor->run_once(); ++i) {
    }
    if ((mode & kDoesNotRead) == 0) read();
  }
  void read() {
    heard.take(peer.fd());
    heard.each([this](const vu::Header& header, std::span<const std::byte> payload) {
      if (vu::Header::Type::get(header.flags) == 0) answers.last_asked = header.id;
      check_access(header, payload, (mode & kOdd) != 0);
    });
  }
  void read_to_the_end() {
    mode &= static_cast<std::uint8_t>(~kDoesNotRead);
    for (int i = 0; i < 64; ++i) run();
  }

  std::uint8_t mode;
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor =
      hal::Reactor::create({.name = "fuzz", .clock = &clock, .shuffle_seed = 1}).value();
  VfioUserPeer peer;
  Heard heard;
  Answers answers{peer, heard};
  base::Fd memory{memfd_create("fuzz", MFD_CLOEXEC)};
  base::Fd event{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::optional<emu::ServedHost> host;
  std::optional<Device> model;
  OddDevice odd;
  std::optional<vu::Server> server;
};

void made_message(World& world, Input& input, std::uint8_t how) {
  const vfio_user_input::Made made = vfio_user_input::request(input);
  const std::vector<int> fds(made.fds, made.command == vu::Command::kDmaMap ? world.memory.get() : world.event.get());
  world.peer.send(made.command, made.payload, fds, vu::Header::NoReply::of((how & 0x10) != 0));
  world.answers.wanted = made.uses_memory;
  if (made.uses_memory) world.answers.how = input.byte();
  if (made.command != vu::Command::kRegionInfo || (world.mode & kDoesNotRead) == 0) return;
  // Its descriptor waits until what is before it has gone: somebody must read at last.
  const Reader reader(world.peer, world.heard, std::chrono::milliseconds(5), [](const auto&, auto) {});
  world.run();
}

// One byte says how the message is made, one which command; then its length and payload.
void one_message(World& world, Input& input) {
  const std::uint8_t how = input.byte();
  if (how == 0xff && world.host) return world.host->pull_out();
  if (how == 0xff) return world.server->disconnect("the function was taken out");
  if ((how & 0x60) == 0x20) return made_message(world, input, how);
  const auto command = static_cast<vu::Command>(how & 0x80 ? input.byte() : input.byte() % 17);
  const auto payload = std::as_bytes(input.bytes(input.byte()));
  auto message = VfioUserPeer::message(command, payload, how & 0x10 ? vu::Header::NoReply::of(true) : 0);
  if ((how & 0x60) == 0x60) message[4] = static_cast<std::byte>(input.byte());  // another length
  const unsigned count = (how & 3) == 3 ? vu::kMaxFds + 1 : 1u + (how & 3);
  std::vector<int> fds((how & 0x08) != 0 ? count : 0, (how & 4) != 0 ? world.event.get() : world.memory.get());
  world.peer.send_bytes(message, fds);
  if (how == 0xee) shutdown(world.peer.fd(), SHUT_RDWR);  // it has gone before it is answered
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input.byte());
  while (!input.empty() && world.connected()) {
    one_message(world, input);
    if (input.left() == 0) world.peer.no_more();  // so that a wait for the client's memory ends at once
    world.run();
  }
  world.read_to_the_end();
  return 0;
}
