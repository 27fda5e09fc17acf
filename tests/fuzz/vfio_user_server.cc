// Fuzzes the vfio-user server with a toy device behind it: any sequence of messages, well formed or not, with and
// without descriptors, and a client that serves its memory or does not. What the server accepts must be answered; it
// must never wait, and never touch memory that was not mapped.
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/log.h"
#include "emu/host/served.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/vfio_user_input.h"
#include "tests/support/require.h"
#include "tests/support/toy_model.h"
#include "tests/support/vfio_user_peer.h"

namespace {

using test_support::VfioUserPeer;
namespace vu = hal::vfio_user;

// Answers for the client's memory, sent when the device is about to ask for it: else it would wait.
struct Answers {
  VfioUserPeer& peer;
  std::uint8_t how = 0;  // right, or wrong in one thing; or the client has gone
  bool wanted = false;
  std::uint16_t last_asked = 0;  // id of the server's last request

  void send() {
    if (!std::exchange(wanted, false)) return;
    if ((how & 0xf0) == 0xf0) return peer.no_more();
    const std::uint64_t count = how & 0x3f;
    const std::uint32_t flags = vu::kReplyType | vu::Header::Failed::of((how & 0xf0) == 0xe0);
    auto id = last_asked;
    for (const auto command : {vu::Command::kDmaRead, vu::Command::kDmaWrite}) {
      vfio_user_input::Made reply;
      vfio_user_input::put(reply, vu::DmaAccess{0, count + ((how & 0xf0) == 0xd0 ? 1 : 0)});
      if (command == vu::Command::kDmaRead) reply.payload.resize(reply.payload.size() + count);
      peer.send_bytes(VfioUserPeer::message(command, reply.payload, flags, ++id));
    }
  }
};

struct Device final : test_support::ToyModel {
  Device(emu::ModelHost& host, Answers& from) : ToyModel(host), answers(from) {}
  bool poll() override {
    answers.send();
    return ToyModel::poll();
  }
  Answers& answers;
};

constexpr std::uint64_t kLongestRegion = 4096;

// What was read or written lies within a region.
void check_access(const VfioUserPeer::Reply& reply) {
  const auto command = static_cast<vu::Command>(std::uint16_t{reply.header.command});
  if (command != vu::Command::kRegionRead && command != vu::Command::kRegionWrite) return;
  if (vu::Header::Type::get(reply.header.flags) == 0 || reply.failed()) return;
  const auto access = reply.as<vu::RegionAccess>();
  REQUIRE(access.count <= kLongestRegion && access.offset <= kLongestRegion - access.count);
}

struct World {
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor =
      hal::Reactor::create({.name = "fuzz", .clock = &clock, .shuffle_seed = 1}).value();
  VfioUserPeer peer;
  emu::ServedHost host{*reactor, clock, "toy"};
  Answers answers{peer};
  Device model{host, answers};
  base::Fd memory{memfd_create("fuzz", MFD_CLOEXEC)};
  base::Fd event{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  World() {
    REQUIRE(ftruncate(memory.get(), 65536) == 0);
    host.attach(model);
    host.serve(peer.take_other_end());
    reactor->add(host);
  }
  void run() {
    for (int i = 0; i < 16 && reactor->run_once(); ++i) {
    }
    while (const auto reply = peer.receive()) {
      REQUIRE(reply->header.size >= sizeof(vu::Header));
      if (vu::Header::Type::get(reply->header.flags) == 0) answers.last_asked = reply->header.id;
      check_access(*reply);
    }
  }
};

void made_message(World& world, Input& input, std::uint8_t how) {
  const vfio_user_input::Made made = vfio_user_input::request(input);
  const std::vector<int> fds(made.fds, made.command == vu::Command::kDmaMap ? world.memory.get() : world.event.get());
  world.peer.send(made.command, made.payload, fds, vu::Header::NoReply::of((how & 0x10) != 0));
  world.answers.wanted = made.uses_memory;
  if (made.uses_memory) world.answers.how = input.byte();
}

// One byte says how the message is made, one which command; then its length and payload.
void one_message(World& world, Input& input) {
  const std::uint8_t how = input.byte();
  if ((how & 0x60) == 0x20) return made_message(world, input, how);
  const auto command = static_cast<vu::Command>(how & 0x80 ? input.byte() : input.byte() % 17);
  const auto payload = std::as_bytes(input.bytes(input.byte()));
  auto message = VfioUserPeer::message(command, payload, how & 0x10 ? vu::Header::NoReply::of(true) : 0);
  if ((how & 0x60) == 0x60) message[4] = static_cast<std::byte>(input.byte());  // another length
  std::vector<int> fds((how & 0x08) != 0 ? 1 + (how & 3) : 0, (how & 4) != 0 ? world.event.get() : world.memory.get());
  world.peer.send_bytes(message, fds);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world;
  if ((input.byte() & 1) == 0) world.peer.send_struct(vu::Command::kVersion, vu::Version{0, 1});
  world.run();
  while (!input.empty() && world.host.connected()) {
    one_message(world, input);
    if (input.left() == 0) world.peer.no_more();  // so that a wait for the client's memory ends at once
    world.run();
  }
  return 0;
}
