// UNMAP, WRITE SAME, GET LBA STATUS, SYNCHRONIZE CACHE, PRE-FETCH, READ DEFECT DATA.
#include <algorithm>

#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

constexpr std::uint8_t kUnmap = 0x08, kAnchor = 0x10, kNoData = 0x01;

struct Range {
  std::uint64_t lba;
  std::uint32_t blocks;
};
Bytes unmap_list(const std::vector<Range>& ranges) {
  Bytes list(8 + 16 * ranges.size());
  const auto put = [&](std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = 0; i < width; ++i) list[at + i] = static_cast<std::byte>(value >> (8 * (width - 1 - i)));
  };
  put(0, 2, list.size() - 2);
  put(2, 2, list.size() - 8);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    put(8 + 16 * i, 8, ranges[i].lba);
    put(16 + 16 * i, 4, ranges[i].blocks);
  }
  return list;
}
Reply unmap(Bench& bench, const Bytes& list) {
  return bench.out(cdb_10(0x42, 0, 0, static_cast<std::uint16_t>(list.size())), list);
}
bool zero(Bench& bench, std::uint64_t lba, std::uint64_t blocks) {
  const std::byte* const at = bench.medium().bytes.data();
  return std::all_of(at + lba * 512, at + (lba + blocks) * 512, [](std::byte b) { return b == std::byte{0}; });
}

TEST(DiskUnmap, EveryDescriptorIsDone) {
  Bench bench;
  const Bytes before = bench.medium().bytes;
  EXPECT_TRUE(unmap(bench, unmap_list({{10, 3}, {100, 0}, {200, 50}, {4096, 0}})).good());
  EXPECT_TRUE(zero(bench, 10, 3));
  EXPECT_TRUE(zero(bench, 200, 50));
  EXPECT_EQ(bench.medium().bytes[13 * 512], before[13 * 512]);
  EXPECT_FALSE(bench.medium().mapped[200]);
  ASSERT_EQ(bench.medium().requests.size(), 2u);
  EXPECT_EQ(bench.medium().requests[0].op, StoreOp::kUnmap);
}

TEST(DiskUnmap, ListsWithoutWorkAreGood) {
  Bench bench;
  EXPECT_TRUE(bench.run(cdb_10(0x42, 0, 0, 0)).good());
  EXPECT_TRUE(unmap(bench, unmap_list({})).good());
  EXPECT_TRUE(unmap(bench, unmap_list({{0, 0}, {0, 0}})).good());
  EXPECT_TRUE(unmap(bench, unmap_list(std::vector<Range>(256, Range{5, 1}))).good());
}

TEST(DiskUnmap, ShortListsAreLengthErrorsAndCutDescriptorsAreIgnored) {
  Bench bench;
  const Bytes list = unmap_list({{10, 3}, {20, 3}});
  for (std::size_t length = 1; length <= list.size(); ++length) {
    bench.medium().requests.clear();
    const Reply reply = unmap(bench, Bytes(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(length)));
    if (length < 8) {
      expect_check(reply, kParameterListLengthError);
    } else {
      EXPECT_TRUE(reply.good()) << length;
      EXPECT_EQ(bench.medium().requests.size(), (length - 8) / 16);
    }
  }
  Bytes told_less = list;  // UNMAP BLOCK DESCRIPTOR DATA LENGTH counts, too
  told_less[3] = std::byte{16 + 15};
  bench.medium().requests.clear();
  EXPECT_TRUE(unmap(bench, told_less).good());
  EXPECT_EQ(bench.medium().requests.size(), 1u);
  Bytes told_more = list;
  told_more[2] = told_more[3] = std::byte{0xff};
  EXPECT_TRUE(unmap(bench, told_more).good());
  expect_check(bench.out(cdb_10(0x42, 0, 0, 100), Bytes(50)), kParameterListLengthError);
}

TEST(DiskUnmap, NothingIsDoneWhenOneDescriptorIsWrong) {
  Bench bench;
  const Bytes before = bench.medium().bytes;
  expect_check(unmap(bench, unmap_list({{10, 3}, {4095, 2}})), kLogicalBlockAddressOutOfRange, 4096);
  expect_check(unmap(bench, unmap_list({{10, 3}, {~0ull, 1}})), kLogicalBlockAddressOutOfRange);
  expect_check(unmap(bench, unmap_list({{10, 3}, {~0ull - 1, 0xffffffff}})), kLogicalBlockAddressOutOfRange);
  expect_check(unmap(bench, unmap_list({{4097, 0}})), kLogicalBlockAddressOutOfRange, 4097);
  expect_invalid_parameter(unmap(bench, unmap_list(std::vector<Range>(257, Range{5, 1}))), 2);
  EXPECT_EQ(bench.medium().bytes, before);
}

TEST(DiskUnmap, TooManyBlocksAreRefusedAtTheDescriptorThatExceeds) {
  FakeMedium large;
  large.blocks = (1 << 20) + 1;
  Bench bench(std::move(large));
  expect_invalid_parameter(unmap(bench, unmap_list({{0, 1 << 20}, {0, 1}})), 8 + 16 + 8);
  expect_invalid_parameter(unmap(bench, unmap_list({{0, (1 << 20) + 1}})), 8 + 8);
  EXPECT_TRUE(bench.medium().requests.empty());
  EXPECT_TRUE(unmap(bench, unmap_list({{0, 1 << 20}})).good());
}

TEST(DiskUnmap, AnchorAndThickMediaAreRefused) {
  Bench bench;
  expect_invalid_cdb(bench.run(cdb_10(0x42, 0x01, 0, 0)), 1, 0);
  FakeMedium thick;
  thick.thin = false;
  Bench full(std::move(thick));
  expect_check(full.run(cdb_10(0x42, 0, 0, 0)), kInvalidCommandOperationCode);
  expect_invalid_cdb(full.out(cdb_16(0x93, kUnmap, 0, 1), Bytes(512)), 1, 3);
  expect_invalid_cdb(full.in(cdb_16(0x9e, 0x12, 0, 24), 24), 1, 4);
}

TEST(DiskUnmap, IsStableWhenWriteCacheIsOff) {
  LuConfig config;
  config.write_cache = false;
  Bench bench({}, config);
  EXPECT_TRUE(unmap(bench, unmap_list({{10, 3}})).good());
  EXPECT_TRUE(bench.out(cdb_16(0x93, 0, 0, 4), Bytes(512)).good());
  for (const FakeMedium::Seen& seen : bench.medium().requests) EXPECT_TRUE(seen.fua);
}

TEST(DiskWriteSame, BlockIsRepeated) {
  for (const bool sixteen : {false, true}) {
    for (const std::uint32_t blocks : {1u, 2u, 17u, 5000u}) {
      FakeMedium medium;
      medium.blocks = 8192;
      Bench bench(std::move(medium));
      Bytes expected = bench.medium().bytes;
      const Bytes block = pattern(512, blocks);
      for (std::uint32_t i = 0; i < blocks; ++i) {
        std::copy(block.begin(), block.end(), expected.begin() + std::ptrdiff_t{512} * (9 + i));
      }
      const auto ten = cdb_10(0x41, 0, 9, static_cast<std::uint16_t>(blocks));
      EXPECT_TRUE(bench.out(sixteen ? cdb_16(0x93, 0, 9, blocks) : ten, block).good());
      EXPECT_EQ(bench.medium().bytes, expected);
    }
  }
}

TEST(DiskWriteSame, UnmapBitUnmapsWhateverTheBlockHolds) {
  Bench bench;
  EXPECT_TRUE(bench.out(cdb_10(0x41, kUnmap, 9, 20), pattern(512, 1)).good());
  EXPECT_TRUE(bench.out(cdb_16(0x93, kUnmap, 40, 20), pattern(512, 1)).good());
  for (const std::uint64_t lba : {9u, 40u}) {
    EXPECT_TRUE(zero(bench, lba, 20));
    EXPECT_FALSE(bench.medium().mapped[lba]);
  }
}

TEST(DiskWriteSame, ZeroesGoToTheBackstoreAsSuch) {
  Bench bench;
  EXPECT_TRUE(bench.out(cdb_16(0x93, 0, 9, 20), Bytes(512)).good());
  EXPECT_TRUE(bench.out(cdb_10(0x41, kUnmap, 40, 20), Bytes(512)).good());
  EXPECT_TRUE(bench.run(cdb_16(0x93, kNoData, 80, 20)).good());
  EXPECT_TRUE(bench.run(cdb_16(0x93, kNoData | kUnmap, 120, 20)).good());
  const std::vector<StoreOp> ops = {StoreOp::kWriteZeroes, StoreOp::kUnmap, StoreOp::kWriteZeroes, StoreOp::kUnmap};
  ASSERT_EQ(bench.medium().requests.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(bench.medium().requests[i].op, ops[i]);
  for (const std::uint64_t lba : {9u, 40u, 80u, 120u}) EXPECT_TRUE(zero(bench, lba, 20));
  EXPECT_FALSE(zero(bench, 60, 1));
}

TEST(DiskWriteSame, NoBlocksMeansToTheEnd) {
  Bench bench;
  EXPECT_TRUE(bench.run(cdb_16(0x93, kNoData, 4000, 0)).good());
  EXPECT_TRUE(zero(bench, 4000, 96));
  EXPECT_FALSE(zero(bench, 3999, 1));
  FakeMedium large;
  large.blocks = 300000;
  Bench more(std::move(large));
  expect_invalid_cdb(more.run(cdb_16(0x93, kNoData, 0, 0)), 10);
  expect_invalid_cdb(more.run(cdb_16(0x93, kNoData, 0, (128 << 11) + 1)), 10);
  expect_invalid_cdb(more.out(cdb_10(0x41, 0, 0, 0), Bytes(512)), 7);
  EXPECT_TRUE(more.run(cdb_16(0x93, kNoData, 0, 128 << 11)).good());
}

TEST(DiskWriteSame, WrongDataLengthAnchorAndRangesAreRefused) {
  Bench bench;
  const Bytes before = bench.medium().bytes;
  for (const std::size_t length : {256u, 1024u}) {
    EXPECT_EQ(bench.out(cdb_16(0x93, kUnmap, 0, 8), Bytes(length)).sense, kInvalidFieldInCommandInformationUnit);
    EXPECT_EQ(bench.out(cdb_10(0x41, kUnmap, 0, 8), Bytes(length)).sense, kInvalidFieldInCommandInformationUnit);
  }
  expect_check(bench.run(cdb_16(0x93, 0, 0, 8)), kInvalidFieldInCommandInformationUnit);
  expect_invalid_cdb(bench.out(cdb_16(0x93, kAnchor, 0, 8), Bytes(512)), 1, 4);
  expect_invalid_cdb(bench.out(cdb_16(0x93, kAnchor | kUnmap, 0, 8), Bytes(512)), 1, 4);
  expect_check(bench.out(cdb_16(0x93, 0, 4095, 2), Bytes(512)), kLogicalBlockAddressOutOfRange, 4096);
  expect_check(bench.out(cdb_16(0x93, 0, ~0ull, 2), Bytes(512)), kLogicalBlockAddressOutOfRange);
  expect_check(bench.out(cdb_16(0x93, 0, 4096, 0), Bytes(512)), kLogicalBlockAddressOutOfRange, 4096);
  expect_check(bench.run(cdb_16(0x93, kNoData, ~0ull, 0)), kLogicalBlockAddressOutOfRange);
  EXPECT_EQ(bench.medium().bytes, before);
}

Reply status(Bench& bench, std::uint64_t lba, std::uint32_t length) {
  return bench.in(cdb_16(0x9e, 0x12, lba, length), length);
}

TEST(DiskGetLbaStatus, RunsOfBlocksAreTold) {
  Bench bench;
  EXPECT_TRUE(unmap(bench, unmap_list({{10, 3}, {4090, 6}})).good());
  const Bytes data = status(bench, 5, 4096).data;
  ASSERT_EQ(data.size(), 8u + 4 * 16);
  EXPECT_EQ(number(data, 0, 4), data.size() - 4);
  const Range runs[] = {{5, 5}, {10, 3}, {13, 4077}, {4090, 6}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(number(data, 8 + 16 * i, 8), runs[i].lba);
    EXPECT_EQ(number(data, 16 + 16 * i, 4), runs[i].blocks);
    EXPECT_EQ(number(data, 20 + 16 * i, 1), i % 2);
  }
  const Bytes one = status(bench, 11, 24).data;
  ASSERT_EQ(one.size(), 24u);
  EXPECT_EQ(number(one, 8, 8), 11u);
  EXPECT_EQ(number(one, 16, 4), 2u);
}

TEST(DiskGetLbaStatus, AddressMustExist) {
  Bench bench;
  EXPECT_TRUE(status(bench, 4095, 24).good());
  for (const std::uint64_t lba : {4096ull, 4097ull, 1ull << 63, ~0ull}) {
    expect_check(status(bench, lba, 24), kLogicalBlockAddressOutOfRange);
  }
}

TEST(DiskSynchronizeCache, FlushesTheRangeWhateverImmedSays) {
  Bench bench;
  for (const std::uint8_t flags : opcodes({0x00, 0x02, 0x04, 0x06})) {
    bench.medium().requests.clear();
    EXPECT_TRUE(bench.run(cdb_10(0x35, flags, 4, 8)).good());
    EXPECT_TRUE(bench.run(cdb_16(0x91, flags, 4, 0)).good());
    ASSERT_EQ(bench.medium().requests.size(), 2u);
    EXPECT_EQ(bench.medium().requests[0].op, StoreOp::kFlush);
    EXPECT_EQ(bench.medium().requests[0].offset, 4 * 512u);
    EXPECT_EQ(bench.medium().requests[0].length, 8 * 512u);
    EXPECT_EQ(bench.medium().requests[1].length, 4092 * 512u);
  }
  expect_check(bench.run(cdb_10(0x35, 0, 4097, 0)), kLogicalBlockAddressOutOfRange, 4097);
  expect_check(bench.run(cdb_10(0x35, 0, 4090, 7)), kLogicalBlockAddressOutOfRange, 4096);
}

TEST(DiskSynchronizeCache, FailureIsNeverGood) {
  Bench bench;
  bench.medium().fail_with = StoreStatus::kFlushFailed;
  bench.medium().fail_op = StoreOp::kFlush;
  bench.medium().fail_to = 4096 * 512;
  for (const std::uint8_t flags : opcodes({0x00, 0x02})) {
    expect_check(bench.run(cdb_10(0x35, flags, 0, 0)), kWriteError);
  }
}

TEST(DiskPrefetch, ConditionMetOnlyWhereTheMediumIsMemory) {
  FakeMedium memory;
  memory.lends = true;
  Bench ram(std::move(memory)), file;
  for (const std::uint8_t immed : opcodes({0, 2})) {
    Cdb cdb = cdb_10(0x34, immed, 0, 8);
    cdb[6] = 3;  // GROUP NUMBER
    EXPECT_EQ(ram.run(cdb).status, Status::kConditionMet);
    EXPECT_EQ(file.run(cdb).status, Status::kGood);
    EXPECT_EQ(ram.run(cdb_16(0x90, immed, 0, 0)).status, Status::kConditionMet);
    expect_check(ram.run(cdb_16(0x90, immed, 4097, 0)), kLogicalBlockAddressOutOfRange, 4097);
  }
}

TEST(DiskReadDefectData, ListsAreEmptyInTheFormatAsked) {
  Bench bench;
  Cdb ten = cdb_10(0x37, 0, 0, 32);
  ten[2] = 0x1d;
  EXPECT_EQ(bench.in(ten, 32).data, bytes_of({0, 0x1d, 0, 0}));
  EXPECT_EQ(bench.in(cdb_12(0xb7, 0x1d, 0, 32), 32).data, bytes_of({0, 0x1d, 0, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace scsi
