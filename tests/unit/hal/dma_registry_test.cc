// Unit tests of the registry of memory that devices may reach.
#include "hal/dma_registry.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "hal/dma.h"

namespace hal {
namespace {

struct Listener : DmaListener {
  ~Listener() override {
    if (linked()) DmaRegistry::instance().unsubscribe(*this);
  }
  base::Result<void> memory_added(const RegisteredMemory& memory) override {
    if (refuse) return base::fail(base::Errc::kNoSpace, "no room");
    known[memory.bytes.data()] = memory;
    return {};
  }
  void memory_removed(const RegisteredMemory& memory) override { EXPECT_EQ(known.erase(memory.bytes.data()), 1u); }
  bool pins_pages() const override { return pins; }
  std::map<const std::byte*, RegisteredMemory> known;
  bool refuse = false, pins = false;
};

MemoryRegion make(std::size_t size) { return MemoryRegion::create("test", size, MemoryRegion::Pages::kPlain).value(); }

TEST(DmaRegistry, ListenerHearsOfOldAndNewRegions) {
  auto old = make(4096);
  Listener listener;
  ASSERT_TRUE(DmaRegistry::instance().subscribe(listener).has_value());
  EXPECT_TRUE(listener.known.contains(old.bytes().data()));
  const std::byte* gone;
  {
    auto fresh = make(8192);
    gone = fresh.bytes().data();
    ASSERT_TRUE(listener.known.contains(gone));
    EXPECT_EQ(listener.known[gone].bytes.size(), 8192u);
    EXPECT_EQ(listener.known[gone].fd, fresh.fd());
    auto again = fresh.remap(16384).value();
    EXPECT_TRUE(listener.known.contains(again.bytes().data()));
    MemoryRegion moved = std::move(again);
    EXPECT_TRUE(listener.known.contains(moved.bytes().data()));
  }
  EXPECT_FALSE(listener.known.contains(gone));
  DmaRegistry::instance().unsubscribe(listener);
  EXPECT_TRUE(listener.known.empty());
}

TEST(DmaRegistry, RefusedRegionIsNotMadeAndTheOthersForgetIt) {
  Listener kind, strict;
  ASSERT_TRUE(DmaRegistry::instance().subscribe(kind).has_value());
  ASSERT_TRUE(DmaRegistry::instance().subscribe(strict).has_value());
  const std::size_t before = kind.known.size();
  strict.refuse = true;
  const auto region = MemoryRegion::create("test", 4096, MemoryRegion::Pages::kPlain);
  ASSERT_FALSE(region.has_value());
  EXPECT_EQ(region.error().code, base::Errc::kNoSpace);
  EXPECT_EQ(kind.known.size(), before);
  EXPECT_EQ(strict.known.size(), before);
}

TEST(DmaRegistry, ListenerThatRefusesOldMemoryDoesNotListen) {
  auto region = make(4096);
  Listener listener;
  listener.refuse = true;
  EXPECT_FALSE(DmaRegistry::instance().subscribe(listener).has_value());
  EXPECT_FALSE(listener.linked());
  EXPECT_TRUE(listener.known.empty());
}

TEST(DmaRegistry, PinnedPagesAreKeptAndZeroed) {
  auto region = make(1 << 20);
  std::memset(region.bytes().data(), 0xff, region.bytes().size());
  Listener listener;
  listener.pins = true;
  ASSERT_TRUE(DmaRegistry::instance().subscribe(listener).has_value());
  EXPECT_TRUE(DmaRegistry::instance().pages_pinned());
  ASSERT_TRUE(region.punch_hole(4096, 8192).has_value());
  EXPECT_EQ(region.bytes()[4095], std::byte{0xff});
  EXPECT_EQ(region.bytes()[4096], std::byte{0});
  EXPECT_EQ(region.bytes()[12287], std::byte{0});
  EXPECT_EQ(region.bytes()[12288], std::byte{0xff});
  DmaRegistry::instance().unsubscribe(listener);
  EXPECT_FALSE(DmaRegistry::instance().pages_pinned());
}

}  // namespace
}  // namespace hal
