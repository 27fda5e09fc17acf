// Fuzzes the vfio-user client: a server that answers anything. Whatever it says, the client opens a device or does not,
// works with it, and closes it.
#include "base/log.h"
#include "hal/dma.h"
#include "hal/vfio_user/client.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"
#include "tests/support/toy_model.h"
#include "tests/support/vfio_user_peer.h"

namespace {

using test_support::VfioUserPeer;
namespace vu = hal::vfio_user;

void use(hal::PciDevice& device) {
  for (int bar = 0; bar < 6; ++bar) {
    const auto mapped = device.map_bar(static_cast<hal::Bar>(bar));
    if (mapped.has_value() && mapped->size() >= 64) (void)mapped->read<test_support::toy::Id>();
  }
  (void)device.enable_dma();
  for (const auto kind : {hal::InterruptKind::kMsix, hal::InterruptKind::kIntx}) {
    const unsigned vectors = device.interrupt_vectors(kind);
    if (vectors > 0 && device.set_interrupts(kind, std::min(vectors, 8u)).has_value()) {
      REQUIRE(device.interrupt_fd(0).has_value());
    }
  }
  (void)device.reset();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  VfioUserPeer peer;
  std::uint16_t id = 1;
  while (!input.empty()) {
    const std::uint8_t how = input.byte();
    const auto command = static_cast<vu::Command>(input.byte() % 17);
    const std::uint32_t flags = how & 1 ? 0 : vu::kReplyType | vu::Header::Failed::of((how & 2) != 0);
    auto message = VfioUserPeer::message(command, std::as_bytes(input.bytes(input.byte())), flags,
                                         how & 4 ? std::uint16_t{input.byte()} : id++);
    if ((how & 0x60) == 0x60) message[4] = static_cast<std::byte>(input.byte());
    peer.send_bytes(message);
  }
  peer.no_more();
  const auto device = vu::open(peer.take_other_end(), "fuzz");
  if (device.has_value()) use(**device);
  return 0;
}
