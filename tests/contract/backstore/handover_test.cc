// Media go on in another process: what was written, holes, sizes, locks, and what a failed flush may have lost.
#include <gtest/gtest.h>

#include <filesystem>

#include "scsi_core/backstores/backstores.h"
#include "scsi_core/backstores/flush_state.h"
#include "scsi_core/backstores/ram.h"
#include "scsi_core/medium_state.h"
#include "tests/contract/backstore/bench.h"

namespace scsi::test {
namespace {

MediumState handed_over(Backstore& store) {
  MediumState state;
  EXPECT_TRUE(store.hand_over(state));
  return state;
}

TEST(Handover, ARamDiskIsTheSameMemory) {
  const BackstoreConfig config{.kind = BackstoreConfig::Kind::kRam, .path = "", .size = 16 << 20};
  const std::uint64_t before = ram_in_use();
  Bench old(make_backstore(config).value());
  ASSERT_EQ(old.write(1 << 20, pattern(65536, 1)), StoreStatus::kGood);
  ASSERT_EQ(old.simple(StoreOp::kUnmap, (1 << 20) + 8192, 4096), StoreStatus::kGood);
  ASSERT_TRUE(old.store().resize(32 << 11));
  ASSERT_EQ(old.write((32 << 20) - 4096, pattern(4096, 2)), StoreStatus::kGood);
  MediumState state = handed_over(old.store());
  Bench fresh(make_backstore(config, &state).value());
  EXPECT_EQ(fresh.size(), 32u << 20);
  Bytes expected = pattern(65536, 1);
  std::fill(expected.begin() + 8192, expected.begin() + 12288, std::byte{0});
  EXPECT_EQ(fresh.read(1 << 20, 65536), expected);
  EXPECT_EQ(fresh.read((32 << 20) - 4096, 4096), pattern(4096, 2));
  EXPECT_FALSE(fresh.store().extent_at(0)->mapped);
  EXPECT_EQ(ram_in_use(), before + 2 * 16 * 4096);  // each has its 16 pages; the old process' go with it
  ASSERT_EQ(fresh.simple(StoreOp::kUnmap, 0, 32 << 20), StoreStatus::kGood);
  EXPECT_EQ(ram_in_use(), before + 16 * 4096);
  ASSERT_TRUE(fresh.store().resize(64 << 11));
  ASSERT_EQ(fresh.write((64 << 20) - 4096, pattern(4096, 3)), StoreStatus::kGood);
}

// The other process goes on with it for a while: what it does meanwhile comes with the second state.
TEST(Handover, ARamDiskThatIsWrittenForTheFirstTimeBetweenTwoStates) {
  const BackstoreConfig config{.kind = BackstoreConfig::Kind::kRam, .path = "", .size = 16 << 20, .protection = true};
  const std::uint64_t before = ram_in_use();
  Bench old(make_backstore(config).value());
  MediumState early = handed_over(old.store());
  Bench fresh(make_backstore(config, &early).value());
  ASSERT_EQ(old.write(4096, pattern(8192, 4)), StoreStatus::kGood);
  MediumState late = handed_over(old.store());
  ASSERT_TRUE(fresh.store().take_over(late));
  EXPECT_EQ(fresh.read(4096, 8192), pattern(8192, 4));
  EXPECT_EQ(ram_in_use(), before + 2 * 8192);
  late = handed_over(old.store());
  ASSERT_TRUE(old.store().resize(32 << 11));
  late = handed_over(old.store());
  EXPECT_FALSE(fresh.store().take_over(late)) << "of another size";
}

TEST(Handover, ARamDiskThatWasNeverWrittenNeedsNoMemory) {
  const BackstoreConfig config{.kind = BackstoreConfig::Kind::kRam, .path = "", .size = 16 << 20};
  Bench old(make_backstore(config).value());
  MediumState state = handed_over(old.store());
  EXPECT_FALSE(state.descriptor);
  Bench fresh(make_backstore(config, &state).value());
  EXPECT_EQ(fresh.read(0, 4096), Bytes(4096));
  EXPECT_EQ(fresh.write(0, pattern(4096, 1)), StoreStatus::kGood);
}

// Every number is checked, though it comes from our own kind.
TEST(Handover, ARamDiskWhoseNumbersDoNotFitIsRefused) {
  const BackstoreConfig config{.kind = BackstoreConfig::Kind::kRam, .path = "", .size = 16 << 20};
  const auto refused = [&](const std::function<void(MediumState&)>& spoil) {
    Bench old(make_backstore(config).value());
    EXPECT_EQ(old.write(0, pattern(4096, 1)), StoreStatus::kGood);
    MediumState state = handed_over(old.store());
    spoil(state);
    return !make_backstore(config, &state).has_value();
  };
  EXPECT_TRUE(refused([](MediumState& state) { state.size = 0; }));
  EXPECT_TRUE(refused([](MediumState& state) { state.size += 1; }));
  EXPECT_TRUE(refused([](MediumState& state) { state.size = std::uint64_t{1} << 63; }));
  EXPECT_TRUE(refused([](MediumState& state) { state.size += std::uint64_t{1} << 30; }));  // more than its memory
  EXPECT_TRUE(refused([](MediumState& state) { state.map_bytes = 0; }));
  EXPECT_TRUE(refused([](MediumState& state) { state.map_bytes += 1; }));
  EXPECT_TRUE(refused([](MediumState& state) {
    state.descriptor = base::Fd();
    state.size = ~std::uint64_t{0};
  }));
  EXPECT_FALSE(refused([](MediumState&) {}));
}

TEST(Handover, AFileStaysLockedAndIsTheSame) {
  const std::string folder = testing::TempDir() + "handover-" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  const BackstoreConfig config{
      .kind = BackstoreConfig::Kind::kFile, .path = folder + "/disk", .size = 4 << 20, .protection = true};
  MediumState state;
  {
    Bench old(make_backstore(config).value());
    ASSERT_EQ(old.write(8192, pattern(8192, 5)), StoreStatus::kGood);
    state = handed_over(old.store());
  }
  ASSERT_NE(state.information, nullptr);
  EXPECT_FALSE(make_backstore(config).has_value()) << "the lock went with the old store";
  {
    Bench fresh(make_backstore(config, &state).value());
    EXPECT_EQ(fresh.read(8192, 8192), pattern(8192, 5));
    EXPECT_EQ(fresh.size(), 4u << 20);
    EXPECT_EQ(fresh.flush(), StoreStatus::kGood);
  }
  EXPECT_TRUE(make_backstore(config).has_value());
  std::filesystem::remove_all(folder);
}

// F009: a flush that failed sticks to what it may have lost, whoever has the file now; so does what was not flushed.
TEST(Handover, WhatAFailedFlushMayHaveLostStaysSuspect) {
  FlushState old;
  ChannelWrites writes;
  old.attach(writes);
  writes.dirty.add({0, 4096}, old.epoch(), old.flushed());
  old.failed();
  std::vector<ByteRange> unflushed, suspect;
  writes.dirty.add({8192, 12288}, old.epoch(), old.flushed());
  old.hand_over(unflushed, suspect);
  FlushState fresh;
  fresh.take_over(unflushed, suspect);
  EXPECT_EQ(fresh.first_suspect({0, 1 << 20}), 0u);
  EXPECT_EQ(fresh.first_suspect({8192, 12288}), std::nullopt);
  fresh.failed();  // the first flush there: what was written here is lost, too
  EXPECT_EQ(fresh.first_suspect({8192, 12288}), 8192u);
  FlushState other;
  other.take_over(unflushed, suspect);
  other.succeeded(other.start());
  other.failed();
  EXPECT_EQ(other.first_suspect({8192, 12288}), std::nullopt) << "flushed meanwhile";
}

}  // namespace
}  // namespace scsi::test
