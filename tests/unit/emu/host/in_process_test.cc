// Unit tests of a model in the same process as its driver; what every PciDevice must do is in tests/contract/pci.
#include "emu/host/in_process.h"

#include <gtest/gtest.h>

#include <cstring>

#include "hal/dma_registry.h"
#include "tests/support/log_guard.h"
#include "tests/support/toy_model.h"

namespace emu {
namespace {

namespace toy = test_support::toy;

struct World {
  base::ManualClock clock;
  InProcessHost host{clock, "toy"};
  test_support::ToyModel model{host};
  std::unique_ptr<hal::PciDevice> device;
  hal::Mmio bar;
  World() {
    host.attach(model);
    device = host.open();
    bar = device->map_bar(hal::Bar::k1).value();
  }
  void ring(std::uint64_t from, std::uint64_t to, std::uint32_t length) {
    toy::Source source;
    source.raw = from;
    bar.write(source);
    toy::Target target;
    target.raw = to;
    bar.write(target);
    toy::Length bytes;
    bytes.raw = length;
    bar.write(bytes);
    bar.write(toy::Doorbell{});
  }
};

std::uint64_t iova(std::span<const std::byte> bytes) { return reinterpret_cast<std::uintptr_t>(bytes.data()); }

TEST(InProcess, DoorbellLatchesAndPollActs) {
  World world;
  auto region = hal::MemoryRegion::create("toy", 8192, hal::MemoryRegion::Pages::kPlain).value();
  ASSERT_TRUE(world.device->enable_dma().has_value());
  std::memset(region.bytes().data(), 0x5a, 100);
  world.ring(iova(region.bytes()), iova(region.bytes()) + 4096, 100);
  EXPECT_EQ(world.bar.read<toy::Done>().raw, 0u);
  EXPECT_TRUE(world.host.poll());
  EXPECT_FALSE(world.host.poll());
  EXPECT_EQ(world.bar.read<toy::Done>().raw, 1u);
  EXPECT_EQ(std::memcmp(region.bytes().data(), region.bytes().data() + 4096, 100), 0);
}

TEST(InProcess, DmaWithoutBusMastershipIsAModelFault) {
  World world;
  auto region = hal::MemoryRegion::create("toy", 8192, hal::MemoryRegion::Pages::kPlain).value();
  ExpectLog expect("bus mastership is off");
  world.ring(iova(region.bytes()), iova(region.bytes()), 16);
  world.host.poll();
  EXPECT_EQ(world.bar.read<toy::Failed>().raw, 1u);
  EXPECT_EQ(world.host.faults(), 1u);
}

TEST(InProcess, DmaToMemoryOutsideTheRegistryIsAModelFault) {
  World world;
  auto region = hal::MemoryRegion::create("toy", 8192, hal::MemoryRegion::Pages::kPlain).value();
  ASSERT_TRUE(world.device->enable_dma().has_value());
  std::array<std::byte, 64> ordinary{};
  ExpectLog expect("nothing is mapped");
  world.ring(iova(region.bytes()), iova(ordinary), 64);
  world.host.poll();
  EXPECT_EQ(world.host.faults(), 1u);
  EXPECT_EQ(world.bar.read<toy::Done>().raw, 0u);
}

TEST(InProcess, RemovedFunctionReadsAsAllOnes) {
  World world;
  world.host.remove();
  EXPECT_TRUE(world.device->gone());
  EXPECT_EQ(world.bar.read<toy::Id>().raw, ~0u);
  EXPECT_EQ(world.device->config_read(0, 2).value(), 0xffffu);
  EXPECT_FALSE(world.device->enable_dma().has_value());
  EXPECT_FALSE(world.host.poll());
}

TEST(InProcess, DriverThatGoesLeavesTheFunctionQuiet) {
  World world;
  ASSERT_TRUE(world.device->enable_dma().has_value());
  ASSERT_TRUE(world.device->set_interrupts(hal::InterruptKind::kMsi, 1).has_value());
  world.device.reset();
  EXPECT_FALSE(world.host.config().bus_master());
  EXPECT_EQ(world.host.interrupts(), hal::InterruptKind::kNone);
  EXPECT_EQ(world.host.bar_read(hal::Bar::k1, 0, 4), 0xffffffffu);  // memory space is off
  world.device = world.host.open();
  EXPECT_EQ(world.host.bar_read(hal::Bar::k1, 0, 4), toy::kId);
}

TEST(InProcess, MsixTableIsTheHostsAffair) {
  World world;
  ASSERT_TRUE(world.device->set_interrupts(hal::InterruptKind::kMsix, 4).has_value());
  world.host.bar_write(hal::Bar::k3, 0x1c, 4, 1);
  EXPECT_EQ(world.host.bar_read(hal::Bar::k3, 0x1c, 4), 1u);
  world.host.raise(1);
  EXPECT_EQ(world.host.bar_read(hal::Bar::k3, 0x800, 8), 2u);
  world.host.bar_write(hal::Bar::k3, 0x18, 8, 0);
  EXPECT_EQ(world.host.bar_read(hal::Bar::k3, 0x800, 8), 0u);
  EXPECT_EQ(world.host.faults(), 0u);
}

}  // namespace
}  // namespace emu
