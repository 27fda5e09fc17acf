// Unit tests of the map of what a device may reach.
#include "emu/host/dma_map.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace emu {
namespace {

struct Touched {
  std::uint64_t at;
  std::size_t size;
  bool operator==(const Touched&) const = default;
};

struct Walk {
  DmaMap map;
  std::array<std::byte, 64> memory{};
  std::vector<Touched> touched;
  bool run(std::uint64_t at, std::size_t size, bool write = false) {
    touched.clear();
    return map
        .walk(hal::Iova{at}, size, write,
              [&](hal::Iova place, std::byte*, std::size_t, std::size_t part) {
                touched.push_back({place.raw, part});
                return base::Result<void>();
              })
        .has_value();
  }
  void add(std::uint64_t at, std::uint64_t size) {
    ASSERT_TRUE(map.add(hal::Iova{at}, {.size = size, .memory = memory.data()}).has_value());
  }
};

TEST(DmaMap, AccessMaySpanNeighbours) {
  Walk walk;
  walk.add(0x1000, 16);
  walk.add(0x1010, 16);
  EXPECT_TRUE(walk.run(0x1008, 16));
  EXPECT_EQ(walk.touched, (std::vector<Touched>{{0x1008, 8}, {0x1010, 8}}));
  EXPECT_TRUE(walk.run(0x1010, 16));
}

TEST(DmaMap, AccessWithAGapTouchesNothing) {
  Walk walk;
  walk.add(0x1000, 16);
  walk.add(0x1020, 16);
  EXPECT_FALSE(walk.run(0x1008, 40));
  EXPECT_TRUE(walk.touched.empty());
  EXPECT_FALSE(walk.run(0xfff, 2));
  EXPECT_FALSE(walk.run(0x1030, 1));
}

TEST(DmaMap, OverlapIsRefused) {
  Walk walk;
  walk.add(0x1000, 16);
  for (const std::uint64_t at : {0xff8u, 0x1000u, 0x1008u, 0x100fu}) {
    EXPECT_EQ(walk.map.add(hal::Iova{at}, {.size = 16}).error().code, base::Errc::kExists) << at;
  }
  EXPECT_TRUE(walk.map.add(hal::Iova{0x1010}, {.size = 16}).has_value());
  EXPECT_TRUE(walk.map.add(hal::Iova{0xff0}, {.size = 16}).has_value());
}

TEST(DmaMap, EmptyAndWrappingRangesAreRefused) {
  DmaMap map;
  EXPECT_FALSE(map.add(hal::Iova{0}, {.size = 0}).has_value());
  EXPECT_FALSE(map.add(hal::Iova{~0ull}, {.size = 2}).has_value());
  EXPECT_TRUE(map.add(hal::Iova{~0ull}, {.size = 1}).has_value());
}

TEST(DmaMap, AccessDoesNotWrapAround) {
  Walk walk;
  walk.add(0, 64);
  walk.add(~0ull - 63, 64);
  EXPECT_TRUE(walk.run(~0ull - 7, 8));
  EXPECT_FALSE(walk.run(~0ull - 7, 16));
}

TEST(DmaMap, PermissionIsChecked) {
  Walk walk;
  ASSERT_TRUE(walk.map.add(hal::Iova{0}, {.size = 16, .memory = walk.memory.data(), .writable = false}).has_value());
  EXPECT_TRUE(walk.run(0, 16));
  EXPECT_FALSE(walk.run(0, 16, true));
}

TEST(DmaMap, RemovalTakesWholeRangesOnly) {
  Walk walk;
  walk.add(0x1000, 16);
  walk.add(0x1010, 16);
  walk.add(0x1020, 16);
  std::vector<std::uint64_t> gone;
  const auto note = [&](hal::Iova at, const DmaRange&) { gone.push_back(at.raw); };
  EXPECT_TRUE(walk.run(0x1000, 48));
  EXPECT_EQ(walk.map.remove(hal::Iova{0x1008}, 36, note), 1u);
  EXPECT_EQ(gone, std::vector<std::uint64_t>{0x1010});
  EXPECT_FALSE(walk.run(0x1010, 1));
  EXPECT_EQ(walk.map.remove(hal::Iova{0x5000}, 16, note), 0u);
  EXPECT_EQ(walk.map.remove(hal::Iova{0}, ~0ull, note), 2u);
  EXPECT_EQ(walk.map.size(), 0u);
}

TEST(DmaMap, HoldsThousandsOfPages) {
  Walk walk;
  for (std::uint64_t page = 0; page < 20000; ++page) walk.add(page * 8192, 4096);
  EXPECT_TRUE(walk.run(19999 * 8192, 4096));
  EXPECT_FALSE(walk.run(19999 * 8192, 4097));
  EXPECT_EQ(walk.map.remove(hal::Iova{0}, 20000 * 8192, [](hal::Iova, const DmaRange&) {}), 20000u);
}

}  // namespace
}  // namespace emu
