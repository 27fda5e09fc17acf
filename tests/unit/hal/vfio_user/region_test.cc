// Unit tests of regions that a client may map: a device with doorbells in shared memory.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <thread>

#include "hal/reg.h"
#include "hal/vfio_user/client.h"
#include "hal/vfio_user/server.h"
#include "tests/support/vfio_user_peer.h"

namespace hal::vfio_user {
namespace {

using test_support::VfioUserPeer;

// BAR 0 is memory; everything else is refused.
struct SharedBackend : Backend {
  SharedBackend() : file(memfd_create("bar", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(file.get(), 8192), 0);
    bar.size = 4096;
    bar.fd = file.get();
    bar.offset = 4096;
    bar.areas = {{0, 4096}};
    config.size = 256;
  }
  void client_came(ClientMemory&) override {}
  void client_left() override {}
  const Region& region(std::uint32_t index) const override {
    return index == 0 ? bar : index == kRegionConfig ? config : none;
  }
  base::Result<void> region_read(std::uint32_t, std::uint64_t, std::span<std::byte> to) override {
    std::fill(to.begin(), to.end(), std::byte{0});
    return {};
  }
  base::Result<void> region_write(std::uint32_t, std::uint64_t, std::span<const std::byte>) override { return {}; }
  IrqKind irq(std::uint32_t) const override { return {}; }
  base::Result<void> disable_irqs(std::uint32_t) override { return {}; }
  base::Result<void> set_eventfds(std::uint32_t, std::uint32_t, std::vector<base::Fd>) override { return {}; }
  base::Result<void> act_on_irq(std::uint32_t, std::uint32_t, IrqAction) override { return {}; }
  base::Result<void> dma_map(std::uint64_t, std::uint64_t, std::uint32_t, base::Fd, std::uint64_t) override {
    return {};
  }
  void dma_unmap(std::uint64_t, std::uint64_t) override {}
  void reset() override {}
  base::Fd file;
  Region bar, config, none;
};

struct World {
  base::ManualClock clock;
  std::unique_ptr<Reactor> reactor = Reactor::create({.name = "server", .clock = &clock, .shuffle_seed = 1}).value();
  SharedBackend backend;
  VfioUserPeer peer;
  Server server{*reactor, backend, peer.take_other_end()};
  VfioUserPeer::Reply ask(Command command, std::span<const std::byte> payload) {
    peer.send(command, payload);
    while (reactor->run_once()) {
    }
    return std::move(*peer.receive());
  }
};

TEST(VfioUserRegion, AreasComeWithTheirDescriptor) {
  World world;
  const Version version{0, 1};
  world.ask(Command::kVersion, std::as_bytes(std::span(&version, 1)));
  RegionInfo request{32u, 0, 0, 0, 0, 0};
  auto reply = world.ask(Command::kRegionInfo, std::as_bytes(std::span(&request, 1)));
  EXPECT_EQ(reply.payload.size(), 32u);  // as much as was asked for
  EXPECT_EQ(reply.as<RegionInfo>().argsz, 64u);
  EXPECT_EQ(reply.as<RegionInfo>().capabilities, 0u);
  request.argsz = 64u;
  reply = world.ask(Command::kRegionInfo, std::as_bytes(std::span(&request, 1)));
  ASSERT_EQ(reply.payload.size(), 64u);
  const auto info = reply.as<RegionInfo>();
  EXPECT_EQ(info.flags, kRegionCanRead | kRegionCanWrite | kRegionCanMap | kRegionHasCapabilities);
  EXPECT_EQ(info.capabilities, 32u);
  EXPECT_EQ(info.offset, 4096u);
  EXPECT_EQ(reply.as<SparseMapCapability>(32).areas, 1u);
  EXPECT_EQ(reply.as<SparseMapArea>(48).size, 4096u);
  ASSERT_TRUE(reply.fd);
  ASSERT_EQ(pwrite(reply.fd.get(), "x", 1, 4096), 1);
  char byte = 0;
  EXPECT_EQ(pread(world.backend.file.get(), &byte, 1, 4096), 1);
  EXPECT_EQ(byte, 'x');
}

struct Word : Reg<Word, 0x40, std::uint32_t, Access::kRw> {};

TEST(VfioUserRegion, ClientMapsARegionThatIsSharedAsAWhole) {
  auto reactor = Reactor::create({.name = "server"}).value();
  SharedBackend backend;
  VfioUserPeer pair;
  Server server(*reactor, backend, pair.take_other_end());
  std::thread thread([&] { reactor->run(); });
  {
    auto device = open(base::Fd(dup(pair.fd())), "shared").value();
    const Mmio bar = device->map_bar(Bar::k0).value();
    Word word;
    word.raw = 0x12345678;
    bar.write(word);  // no message: the backend would have lost it
    std::uint32_t seen = 0;
    EXPECT_EQ(pread(backend.file.get(), &seen, 4, 4096 + 0x40), 4);
    EXPECT_EQ(seen, 0x12345678u);
    EXPECT_EQ(bar.read<Word>().raw, 0x12345678u);
  }
  reactor->stop();
  thread.join();
}

}  // namespace
}  // namespace hal::vfio_user
