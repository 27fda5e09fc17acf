// The contract of hal::PciDevice, tried on every kind that there is.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "hal/dma_registry.h"
#include "tests/contract/pci/bench.h"
#include "tests/support/log_guard.h"
#include "tests/support/toy_model.h"

namespace test_support {
namespace {

using hal::InterruptKind;
using Pages = hal::MemoryRegion::Pages;

class PciContract : public testing::TestWithParam<BenchKind> {
 protected:
  void SetUp() override { open(); }
  void open() {
    device.reset();
    auto opened = bench->open();
    ASSERT_TRUE(opened.has_value()) << opened.error().text;
    device = std::move(*opened);
    bar = device->map_bar(hal::Bar::k1).value();
  }
  template <class R>
  void write(typename R::RegisterWord raw, std::uint32_t index = 0) {
    R value;
    value.raw = raw;
    bar.write(value, index);
  }
  void ring(const std::byte* from, std::byte* to, std::uint32_t length, std::uint32_t vector = 0) {
    write<toy::Source>(reinterpret_cast<std::uintptr_t>(from));
    write<toy::Target>(reinterpret_cast<std::uintptr_t>(to));
    write<toy::Length>(length);
    write<toy::Doorbell>(vector);
  }
  template <class Condition>
  bool eventually(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      bench->step();
    }
    return true;
  }
  bool done(std::uint32_t copies) {
    return eventually([&] { return bar.read<toy::Done>().raw + bar.read<toy::Failed>().raw >= copies; }) &&
           bar.read<toy::Done>().raw == copies;
  }
  bool fails(std::uint32_t copies) {
    return eventually([&] { return bar.read<toy::Failed>().raw >= copies; });
  }
  // Whether the eventfd counts up while the model works; takes what it counted.
  bool signalled(unsigned vector) {
    const int fd = device->interrupt_fd(vector).value();
    std::uint64_t count = 0;
    return eventually([&] { return read(fd, &count, sizeof count) == sizeof count; });
  }
  bool silent(unsigned vector) {
    pollfd waiting{device->interrupt_fd(vector).value(), POLLIN, 0};
    (void)bar.read<toy::Done>();  // the device has taken all that was written before
    for (int i = 0; i < 20; ++i) bench->step();
    return poll(&waiting, 1, 0) == 0;
  }

  // Announces a model fault, where its log line is ours.
  std::unique_ptr<ExpectLog> fault(const char* part) {
    return bench->sees_faults() ? std::make_unique<ExpectLog>(part) : nullptr;
  }

  std::unique_ptr<Bench> bench = GetParam().make();
  std::unique_ptr<hal::PciDevice> device;
  hal::Mmio bar;
};

TEST_P(PciContract, IdentityIsThatOfConfigurationSpace) {
  const hal::PciIdentity& id = device->identity();
  EXPECT_EQ(id.vendor, 0x1af4);
  EXPECT_EQ(id.device, 0x70f1);
  EXPECT_EQ(id.subsystem, 0x0002);
  EXPECT_EQ(id.revision, 3);
  EXPECT_EQ(id.class_code, 0x0c0400u);
  EXPECT_EQ(id.interrupt_pin, 1);
  EXPECT_FALSE(id.address.empty());
  EXPECT_EQ(device->config_read(0, 4).value(), 0x70f11af4u);
  EXPECT_EQ(device->config_read(2, 2).value(), 0x70f1u);
  EXPECT_EQ(device->config_read(0x0b, 1).value(), 0x0cu);
}

TEST_P(PciContract, ConfigurationAccessesAreChecked) {
  EXPECT_FALSE(device->config_read(1, 2).has_value());
  EXPECT_FALSE(device->config_read(0, 8).has_value());
  EXPECT_FALSE(device->config_read(4096, 4).has_value());
  EXPECT_FALSE(device->config_write(2, 4, 0).has_value());
  ASSERT_TRUE(device->config_write(0x3c, 1, 0xab).has_value());
  EXPECT_EQ(device->config_read(0x3c, 1).value(), 0xabu);
  ASSERT_TRUE(device->config_write(0, 4, 0).has_value());
  EXPECT_EQ(device->config_read(0, 2).value(), 0x1af4u);
}

TEST_P(PciContract, RegistersHoldWhatTheyAreGiven) {
  EXPECT_EQ(bar.size(), 4096u);
  EXPECT_EQ(bar.read<toy::Id>().raw, toy::kId);
  for (std::uint32_t i = 0; i < 4; ++i) write<toy::Scratch>(0x1000 + i, i);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(bar.read<toy::Scratch>(i).raw, 0x1000 + i);
  write<toy::Source>(0x123456789abcdef0);
  EXPECT_EQ(bar.read<toy::Source>().raw, 0x123456789abcdef0u);
  EXPECT_EQ(device->map_bar(hal::Bar::k0).error().code, base::Errc::kUnsupported);
  EXPECT_EQ(device->map_bar(hal::Bar::k2).error().code, base::Errc::kUnsupported);  // the upper half of another
}

TEST_P(PciContract, DeviceReachesRegionsMadeBeforeAndAfter) {
  auto before = hal::MemoryRegion::create("before", 8192, Pages::kPlain).value();
  ASSERT_TRUE(device->enable_dma().has_value());
  auto after = hal::MemoryRegion::create("after", std::size_t{1} << 20, Pages::kPlain).value();
  std::memset(before.bytes().data(), 0x11, 8192);
  ring(before.bytes().data(), after.bytes().data() + 4096, 8192);
  ASSERT_TRUE(done(1));
  EXPECT_EQ(std::memcmp(before.bytes().data(), after.bytes().data() + 4096, 8192), 0);
  EXPECT_EQ(after.bytes()[4095], std::byte{0});
  EXPECT_EQ(after.bytes()[4096 + 8192], std::byte{0});
  ASSERT_TRUE(device->enable_dma().has_value());  // again: nothing changes
  ring(after.bytes().data(), before.bytes().data(), 16);
  ASSERT_TRUE(done(2));
  EXPECT_EQ(before.bytes()[0], std::byte{0});
  EXPECT_EQ(bench->faults(), 0u);
}

TEST_P(PciContract, RemappedRegionIsReachedAtBothPlaces) {
  ASSERT_TRUE(device->enable_dma().has_value());
  auto region = hal::MemoryRegion::create("grows", 8192, Pages::kPlain).value();
  auto larger = region.remap(65536).value();
  larger.bytes()[60000] = std::byte{0x77};
  ring(larger.bytes().data() + 60000, region.bytes().data(), 1);
  ASSERT_TRUE(done(1));
  EXPECT_EQ(larger.bytes()[0], std::byte{0x77});
}

TEST_P(PciContract, RegionThatIsGoneIsNotReached) {
  ASSERT_TRUE(device->enable_dma().has_value());
  auto stays = hal::MemoryRegion::create("stays", 8192, Pages::kPlain).value();
  std::byte* gone;
  {
    auto goes = hal::MemoryRegion::create("goes", 8192, Pages::kPlain).value();
    gone = goes.bytes().data();
    ring(gone, stays.bytes().data(), 16);
    ASSERT_TRUE(done(1));
  }
  const auto expect = fault("nothing is mapped");
  ring(gone, stays.bytes().data(), 16);
  EXPECT_TRUE(fails(1));
  if (bench->sees_faults()) {
    EXPECT_EQ(bench->faults(), 1u);
  }
}

TEST_P(PciContract, DisabledDmaReachesNothingUntilEnabledAgain) {
  auto region = hal::MemoryRegion::create("region", 8192, Pages::kPlain).value();
  ASSERT_TRUE(device->enable_dma().has_value());
  device->disable_dma();
  device->disable_dma();
  {
    const auto expect = fault("bus mastership is off");
    ring(region.bytes().data(), region.bytes().data() + 4096, 16);
    EXPECT_TRUE(fails(1));
  }
  ASSERT_TRUE(device->enable_dma().has_value());
  ring(region.bytes().data(), region.bytes().data() + 4096, 16);
  EXPECT_TRUE(eventually([&] { return bar.read<toy::Done>().raw == 1; }));
}

TEST_P(PciContract, ThousandsOfRegionsAreMapped) {
  ASSERT_TRUE(device->enable_dma().has_value());
  std::vector<hal::MemoryRegion> regions;
  for (int i = 0; i < 900; ++i) regions.push_back(hal::MemoryRegion::create("one", 4096, Pages::kPlain).value());
  for (std::size_t i = 0; i < 900; ++i) regions[i].bytes()[0] = static_cast<std::byte>(i * 7);
  for (std::uint32_t i = 0; i < 9; ++i) {
    ring(regions[i * 100u].bytes().data(), regions[i * 100u + 99].bytes().data() + 1, 1);
    ASSERT_TRUE(done(i + 1));
    EXPECT_EQ(regions[i * 100u + 99].bytes()[1], static_cast<std::byte>(i * 700));
  }
}

TEST_P(PciContract, InterruptVectorsAreThoseOfTheDevice) {
  EXPECT_EQ(device->interrupt_vectors(InterruptKind::kIntx), 1u);
  EXPECT_EQ(device->interrupt_vectors(InterruptKind::kMsi), 1u);
  EXPECT_EQ(device->interrupt_vectors(InterruptKind::kMsix), 4u);
  EXPECT_EQ(device->interrupt_vectors(InterruptKind::kNone), 0u);
  EXPECT_FALSE(device->set_interrupts(InterruptKind::kMsi, 2).has_value());
  EXPECT_FALSE(device->set_interrupts(InterruptKind::kMsix, 0).has_value());
  EXPECT_FALSE(device->interrupt_fd(0).has_value());
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsix, 4).has_value());
  EXPECT_TRUE(device->interrupt_fd(3).has_value());
  EXPECT_FALSE(device->interrupt_fd(4).has_value());
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kNone, 0).has_value());
  EXPECT_FALSE(device->interrupt_fd(0).has_value());
}

TEST_P(PciContract, MessageInterruptsGoToTheirVector) {
  auto region = hal::MemoryRegion::create("region", 8192, Pages::kPlain).value();
  ASSERT_TRUE(device->enable_dma().has_value());
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsix, 3).has_value());
  ring(region.bytes().data(), region.bytes().data() + 4096, 16, 2);
  EXPECT_TRUE(signalled(2));
  EXPECT_TRUE(silent(0) && silent(1) && silent(2));
  ring(region.bytes().data(), region.bytes().data() + 4096, 16, 3);  // not enabled: dropped
  ASSERT_TRUE(done(2));
  EXPECT_TRUE(silent(0) && silent(1) && silent(2));
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsi, 1).has_value());
  ring(region.bytes().data(), region.bytes().data() + 4096, 16, 0);
  EXPECT_TRUE(signalled(0));
}

TEST_P(PciContract, LevelInterruptMasksItselfUntilUnmasked) {
  ASSERT_TRUE(device->enable_dma().has_value());
  auto region = hal::MemoryRegion::create("region", 8192, Pages::kPlain).value();
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kIntx, 1).has_value());
  ring(region.bytes().data(), region.bytes().data() + 4096, 16);
  EXPECT_TRUE(signalled(0));
  ring(region.bytes().data(), region.bytes().data() + 4096, 16);
  ASSERT_TRUE(done(2));
  EXPECT_TRUE(silent(0));
  device->unmask_intx();  // the level is still asserted
  EXPECT_TRUE(signalled(0));
  bar.write(toy::Acknowledge{});
  device->unmask_intx();
  EXPECT_TRUE(silent(0));
}

TEST_P(PciContract, ModelHearsOfInterruptChanges) {
  const std::uint32_t before = bar.read<toy::Changes>().raw;
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsix, 2).has_value());
  const std::uint32_t chosen = bar.read<toy::Changes>().raw;
  EXPECT_GT(chosen, before);
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kNone, 0).has_value());
  EXPECT_GT(bar.read<toy::Changes>().raw, chosen);
}

TEST_P(PciContract, ResetKeepsInterruptsAndDma) {
  auto region = hal::MemoryRegion::create("region", 8192, Pages::kPlain).value();
  ASSERT_TRUE(device->enable_dma().has_value());
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsix, 2).has_value());
  write<toy::Scratch>(5, 1);
  ASSERT_TRUE(device->reset().has_value());
  EXPECT_EQ(bar.read<toy::Scratch>(1).raw, 0u);
  ring(region.bytes().data(), region.bytes().data() + 4096, 16, 1);
  EXPECT_TRUE(done(1));
  EXPECT_TRUE(signalled(1));
  EXPECT_EQ(bench->faults(), 0u);
}

TEST_P(PciContract, NextDriverFindsTheDeviceQuiet) {
  ASSERT_TRUE(device->enable_dma().has_value());
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsi, 1).has_value());
  open();
  EXPECT_EQ(device->config_read(4, 2).value() & 4, 0u);  // no bus mastership
  EXPECT_FALSE(device->interrupt_fd(0).has_value());
  auto region = hal::MemoryRegion::create("region", 8192, Pages::kPlain).value();
  const auto expect = fault("bus mastership is off");
  ring(region.bytes().data(), region.bytes().data(), 16);
  EXPECT_TRUE(fails(1));
}

TEST_P(PciContract, DeviceThatIsTakenOutReadsAsAllOnes) {
  if (!bench->can_pull_out()) GTEST_SKIP() << "nobody can take it out here";
  ASSERT_TRUE(device->enable_dma().has_value());
  ASSERT_TRUE(device->set_interrupts(InterruptKind::kMsix, 2).has_value());
  EXPECT_FALSE(device->gone());
  std::optional<ExpectLog> expect;
  if (bench->removal_log() != nullptr) expect.emplace(bench->removal_log());
  std::optional<ExpectLog> served;
  if (bench->removal_log() != nullptr) served.emplace("taken out");
  bench->pull_out();
  EXPECT_TRUE(device->gone());
  EXPECT_EQ(bar.read<toy::Id>().raw, ~0u);
  EXPECT_EQ(bar.read<toy::Source>().raw, ~std::uint64_t{0});
  bar.write(toy::Doorbell{});
  EXPECT_EQ(device->config_read(0, 2).value(), 0xffffu);
  EXPECT_FALSE(device->enable_dma().has_value());
  EXPECT_FALSE(device->reset().has_value());
  // Other adapters still need memory.
  EXPECT_TRUE(hal::MemoryRegion::create("after", 8192, Pages::kPlain).has_value());
  device.reset();
}

INSTANTIATE_TEST_SUITE_P(Kinds, PciContract, testing::ValuesIn(bench_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace test_support
