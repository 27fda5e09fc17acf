// What only RAM disks promise: memory comes with writes, goes with UNMAP, and is lent for as long as the disk lives.
#include "scsi_core/backstores/ram.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstring>

#include "tests/contract/backstore/bench.h"

namespace scsi::test {
namespace {

std::unique_ptr<Backstore> ram(RamOptions options) { return RamStore::create(options).value(); }

TEST(Ram, ReadingNeverWrittenPagesAllocatesNothing) {
  Bench bench(ram({.size = 64 << 20}));
  const std::uint64_t before = ram_in_use();
  EXPECT_EQ(bench.read(0, 8 << 20), Bytes(8 << 20));
  EXPECT_EQ(ram_in_use(), before);
  ASSERT_EQ(bench.write(512, pattern(512, 1)), StoreStatus::kGood);
  EXPECT_EQ(bench.read(0, 8 << 20).size(), 8u << 20);
  EXPECT_EQ(ram_in_use(), before + 4096);
}

TEST(Ram, UnmapGivesWholePagesBack) {
  Bench bench(ram({.size = 64 << 20}));
  const std::uint64_t before = ram_in_use();
  ASSERT_EQ(bench.write(0, pattern(32 << 20, 2)), StoreStatus::kGood);
  EXPECT_EQ(ram_in_use(), before + (32 << 20));
  ASSERT_EQ(bench.simple(StoreOp::kUnmap, 512, (32 << 20) - 1024), StoreStatus::kGood);
  EXPECT_EQ(ram_in_use(), before + 8192);
  ASSERT_EQ(bench.simple(StoreOp::kUnmap, 0, 64 << 20), StoreStatus::kGood);
  EXPECT_EQ(ram_in_use(), before);
}

TEST(Ram, ALongUnmapTakesTurnsWithOtherRequests) {
  Bench bench(ram({.size = 256 << 20}));
  ASSERT_EQ(bench.write(0, pattern(64 << 20, 3)), StoreStatus::kGood);
  Call unmap(StoreOp::kUnmap, 0, 64 << 20);
  Call read(StoreOp::kRead, 128 << 20, 4096);
  bench.submit(unmap);
  bench.submit(read);
  bench.wait(read);
  EXPECT_EQ(unmap.answers, 0);
  bench.wait(unmap);
  EXPECT_EQ(bench.read(0, 4096), Bytes(4096));
}

TEST(Ram, MemoryLimitOfTheDiskAnswersNoSpace) {
  Bench bench(ram({.size = 64 << 20, .memory_limit = 1 << 20}));
  ASSERT_EQ(bench.write(0, pattern(1 << 20, 4)), StoreStatus::kGood);
  EXPECT_EQ(bench.write(1 << 20, pattern(4096, 5)), StoreStatus::kNoSpace);
  EXPECT_EQ(bench.write(0, pattern(4096, 6)), StoreStatus::kGood);  // rewriting needs no memory
  hal::DmaSpan span;
  std::uint32_t count = 0;
  StoreStatus status = StoreStatus::kGood;
  EXPECT_EQ(bench.channel().lend_for_write(2 << 20, 4096, std::span(&span, 1), count, status), 0u);
  EXPECT_EQ(status, StoreStatus::kNoSpace);
  ASSERT_EQ(bench.simple(StoreOp::kUnmap, 0, 4096), StoreStatus::kGood);
  EXPECT_EQ(bench.write(1 << 20, pattern(4096, 7)), StoreStatus::kGood);
}

TEST(Ram, MemoryLimitOfTheProcessHoldsForAllDisks) {
  Bench first(ram({.size = 64 << 20})), second(ram({.size = 64 << 20}));
  set_ram_limit(ram_in_use() + (2 << 20));
  EXPECT_EQ(first.write(0, pattern(1 << 20, 8)), StoreStatus::kGood);
  EXPECT_EQ(second.write(0, pattern(1 << 20, 9)), StoreStatus::kGood);
  EXPECT_EQ(second.write(8 << 20, pattern(4096, 10)), StoreStatus::kNoSpace);
  EXPECT_FALSE(RamStore::create({.size = 1 << 20, .thin = false}).has_value());
  set_ram_limit(std::uint64_t{1} << 40);
  EXPECT_EQ(second.write(8 << 20, pattern(4096, 10)), StoreStatus::kGood);
}

TEST(Ram, LentMemoryStaysTheMediumWhenTheDiskGrows) {
  Bench bench(ram({.size = 1 << 20}));
  std::array<hal::DmaSpan, 1> spans;
  std::uint32_t count = 0;
  StoreStatus status = StoreStatus::kGood;
  ASSERT_EQ(bench.channel().lend_for_write(4096, 4096, spans, count, status), 4096u);
  ASSERT_TRUE(bench.store().resize((std::uint64_t{1} << 30) / 512).has_value());
  ASSERT_TRUE(bench.store().resize((std::uint64_t{8} << 30) / 512).has_value());
  const Bytes data = pattern(4096, 11);
  std::memcpy(spans[0].bytes.data(), data.data(), data.size());
  EXPECT_EQ(bench.read(4096, 4096), data);
  ASSERT_EQ(bench.write((std::uint64_t{8} << 30) - 4096, data), StoreStatus::kGood);
  EXPECT_EQ(bench.read((std::uint64_t{8} << 30) - 4096, 4096), data);
  EXPECT_FALSE(bench.store().resize((std::uint64_t{2} << 40) / 512).has_value());
}

TEST(Ram, WhatALateWriterLeavesBehindTheEndIsNotSeenWhenTheDiskGrowsAgain) {
  Bench bench(ram({.size = 1 << 20}));
  std::array<hal::DmaSpan, 1> spans;
  std::uint32_t count = 0;
  StoreStatus status = StoreStatus::kGood;
  ASSERT_EQ(bench.channel().lend_for_write(1 << 19, 8192, spans, count, status), 8192u);
  ASSERT_TRUE(bench.store().resize((1 << 19) / 512).has_value());
  std::memset(spans[0].bytes.data(), 0x77, spans[0].bytes.size());
  ASSERT_TRUE(bench.store().resize((1 << 20) / 512).has_value());
  EXPECT_EQ(bench.read(1 << 19, 8192), Bytes(8192));
  ASSERT_EQ(bench.write(1 << 19, pattern(512, 12)), StoreStatus::kGood);
  EXPECT_EQ(bench.read((1 << 19) + 512, 4096), Bytes(4096));
}

TEST(Ram, WhatATransferLeavesInAPageThatWasUnmappedMeanwhileIsNeverSeen) {
  Bench bench(ram({.size = 1 << 20}));
  std::array<hal::DmaSpan, 1> spans;
  std::uint32_t count = 0;
  StoreStatus status = StoreStatus::kGood;
  ASSERT_EQ(bench.channel().lend_for_write(8192, 8192, spans, count, status), 8192u);
  ASSERT_EQ(bench.simple(StoreOp::kUnmap, 8192, 8192), StoreStatus::kGood);
  std::memset(spans[0].bytes.data(), 0x77, spans[0].bytes.size());
  EXPECT_EQ(bench.read(8192, 8192), Bytes(8192));
  Bytes expected(8192);
  const Bytes data = pattern(5120, 13);
  std::memcpy(expected.data() + 1024, data.data(), data.size());
  ASSERT_EQ(bench.write(8192 + 1024, data), StoreStatus::kGood);  // a part of either page
  EXPECT_EQ(bench.read(8192, 8192), expected);
}

TEST(Ram, TenThousandUnusedDisksCostUnderHalfAKibibyteEach) {
  constexpr std::size_t kDisks = 10'000;
  std::vector<std::unique_ptr<Backstore>> disks;
  disks.reserve(kDisks);
  const std::size_t before = mallinfo2().uordblks;
  for (std::size_t i = 0; i < kDisks; ++i) disks.push_back(ram({.size = std::uint64_t{1} << 30}));
  const std::size_t after = mallinfo2().uordblks;
  EXPECT_EQ(disks.back()->extent_at(0)->length, std::uint64_t{1} << 30);
  if (before == 0) GTEST_SKIP() << "this malloc does not say how much is in use";
  EXPECT_LT((after - before) / kDisks, 512u);
}

TEST(Ram, RefusesImpossibleSizes) {
  EXPECT_FALSE(RamStore::create({.size = 0}).has_value());
  EXPECT_FALSE(RamStore::create({.size = 4097}).has_value());
  EXPECT_FALSE(RamStore::create({.size = 4096 + 512, .block_size = 4096}).has_value());
  EXPECT_FALSE(RamStore::create({.size = 4096, .block_size = 1024}).has_value());
  EXPECT_FALSE(RamStore::create({.size = std::uint64_t{1} << 60}).has_value());
}

}  // namespace
}  // namespace scsi::test
