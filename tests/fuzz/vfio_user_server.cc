// Fuzzes the vfio-user server with a toy device behind it: any sequence of messages, well framed or not, with and
// without descriptors. What it accepts must be answered; it must never wait, and never touch memory that was not
// mapped.
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/log.h"
#include "emu/host/served.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"
#include "tests/support/toy_model.h"
#include "tests/support/vfio_user_peer.h"

namespace {

using test_support::VfioUserPeer;
namespace vu = hal::vfio_user;

struct World {
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor =
      hal::Reactor::create({.name = "fuzz", .clock = &clock, .shuffle_seed = 1}).value();
  VfioUserPeer peer;
  emu::ServedHost host{*reactor, clock, "toy"};
  test_support::ToyModel model{host};
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
    while (const auto reply = peer.receive()) REQUIRE(reply->header.size >= sizeof(vu::Header));
  }
};

// One byte says how the message is made, one which command; then its length and payload.
void one_message(World& world, Input& input) {
  const std::uint8_t how = input.byte();
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
