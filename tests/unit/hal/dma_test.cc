// Unit tests of DMA memory.
#include "hal/dma.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <fstream>

namespace hal {
namespace {

TEST(DmaPool, GivesBuffersOfTheSmallestSizeThatFits) {
  DmaPool pool(64 << 20);
  const DmaSpan small = pool.take(1);
  const DmaSpan large = pool.take(DmaPool::kLargest);
  EXPECT_EQ(small.bytes.size(), 4096u);
  EXPECT_EQ(large.bytes.size(), DmaPool::kLargest);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small.bytes.data()) % 4096, 0u);
  std::memset(large.bytes.data(), 0x5a, large.bytes.size());
  pool.give(small.bytes.data());
  pool.give(large.bytes.data());
  EXPECT_EQ(pool.in_use(), 0u);
}

struct Counter : DmaPool::Waiter {
  void dma_available() override { ++calls; }
  int calls = 0;
};

TEST(DmaPool, WaiterIsCalledWhenMemoryComesBack) {
  DmaPool pool(2 << 20);  // one slab
  std::vector<std::byte*> taken;
  for (;;) {
    const DmaSpan span = pool.take(DmaPool::kLargest);
    if (span.bytes.empty()) break;
    taken.push_back(span.bytes.data());
  }
  EXPECT_EQ(taken.size(), 7u);
  Counter waiter;
  pool.wait(waiter);
  for (std::byte* buffer : taken) pool.give(buffer);
  EXPECT_EQ(waiter.calls, 1);
}

TEST(DmaPool, LargerBufferServesWhenTheSmallOnesHaveRunOut) {
  DmaPool pool(2 << 20);  // one slab, carved into the largest size
  const DmaSpan large = pool.take(DmaPool::kLargest);
  const DmaSpan small = pool.take(1);
  ASSERT_EQ(small.bytes.size(), DmaPool::kLargest);
  pool.give(small.bytes.data());
  pool.give(large.bytes.data());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(DmaPool, WhatWasNeverHandedOutHasNoPages) {
  int huge_pages = 0;
  std::ifstream("/proc/sys/vm/nr_hugepages") >> huge_pages;
  if (huge_pages != 0) GTEST_SKIP() << "a huge page is taken whole";
  DmaPool pool(2 << 20);
  const DmaSpan first = pool.take(1);
  const DmaSpan second = pool.take(1);
  EXPECT_EQ(first.bytes.data() + DmaPool::kSizes[0], second.bytes.data());
  pool.give(first.bytes.data());
  EXPECT_EQ(pool.take(1).bytes.data(), first.bytes.data());  // a used one before a fresh one
  unsigned char resident = 0;
  ASSERT_EQ(mincore(second.bytes.data() + DmaPool::kSizes[0], 4096, &resident), 0);
  EXPECT_EQ(resident & 1, 0);
  pool.give(first.bytes.data());
  pool.give(second.bytes.data());
}

TEST(MemoryRegion, PunchedHoleReadsAsZero) {
  auto region = MemoryRegion::create("test", 1 << 20, MemoryRegion::Pages::kPlain).value();
  std::memset(region.bytes().data(), 0xff, region.bytes().size());
  ASSERT_TRUE(region.punch_hole(4096, 8192).has_value());
  EXPECT_EQ(region.bytes()[4095], std::byte{0xff});
  EXPECT_EQ(region.bytes()[4096], std::byte{0});
  EXPECT_EQ(region.bytes()[12288], std::byte{0xff});
}

TEST(MemoryRegion, RemappedLargerIsTheSameMemoryAndKeepsTheOldMapping) {
  auto region = MemoryRegion::create("test", 8192, MemoryRegion::Pages::kPlain).value();
  auto larger = region.remap(1 << 20).value();
  region.bytes()[8191] = std::byte{0x11};
  larger.bytes()[0] = std::byte{0x22};
  larger.bytes()[(1 << 20) - 1] = std::byte{0x33};
  EXPECT_EQ(larger.bytes()[8191], std::byte{0x11});
  EXPECT_EQ(region.bytes()[0], std::byte{0x22});
}

}  // namespace
}  // namespace hal
