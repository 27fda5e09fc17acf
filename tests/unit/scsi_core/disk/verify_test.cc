// VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, ORWRITE: what is compared, where it differs, what is then written.
#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

constexpr std::uint8_t kCompare = 0x02, kReserved = 0x04, kEach = 0x06;

Bytes part(const Bytes& all, std::size_t at, std::size_t length) {
  return {all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + length)};
}
Cdb verify_of(std::uint8_t opcode, std::uint8_t flags, std::uint32_t lba, std::uint16_t blocks) {
  if (opcode == 0x2e || opcode == 0x2f) return cdb_10(opcode, flags, lba, blocks);
  return opcode == 0xae || opcode == 0xaf ? cdb_12(opcode, flags, lba, blocks) : cdb_16(opcode, flags, lba, blocks);
}

TEST(DiskVerify, WithoutByteCheckReadsTheMediumAndMovesNothing) {
  Bench bench;
  for (const std::uint8_t opcode : opcodes({0x2f, 0xaf, 0x8f})) {
    bench.medium().requests.clear();
    const Reply reply = bench.run(verify_of(opcode, 0, 10, 3));
    EXPECT_TRUE(reply.good());
    EXPECT_EQ(reply.residual, Response::Residual::kNone);
    ASSERT_EQ(bench.medium().requests.size(), 1u);
    EXPECT_EQ(bench.medium().requests[0].op, StoreOp::kRead);
    EXPECT_EQ(bench.medium().requests[0].length, 3 * 512u);
  }
  bench.medium().fail_with = StoreStatus::kMediumError;
  bench.medium().fail_from = 11 * 512, bench.medium().fail_to = 12 * 512;
  expect_check(bench.run(cdb_10(0x2f, 0, 10, 3)), kUnrecoveredReadError, 11);
}

TEST(DiskVerify, ComparesEveryByteAndTellsTheFirstThatDiffers) {
  for (const bool lends : {false, true}) {
    FakeMedium medium;
    medium.lends = lends;
    Bench bench(std::move(medium));
    const Bytes before = bench.medium().bytes;
    for (const std::uint8_t opcode : opcodes({0x2f, 0xaf, 0x8f})) {
      const Bytes same = part(before, 10 * 512, 3 * 512);
      EXPECT_TRUE(bench.out(verify_of(opcode, kCompare, 10, 3), same).good());
      for (const std::size_t at : {0u, 1u, 511u, 512u, 700u, 1535u}) {
        Bytes other = same;
        other[at] ^= std::byte{0x80};
        expect_check(bench.out(verify_of(opcode, kCompare, 10, 3), other), kMiscompareDuringVerify, at);
      }
    }
    EXPECT_EQ(bench.medium().bytes, before);
  }
}

TEST(DiskVerify, OneBlockIsComparedWithEach) {
  Bench bench;
  for (std::size_t block = 20; block < 24; ++block) {
    std::copy_n(bench.medium().bytes.begin(), 512,
                bench.medium().bytes.begin() + static_cast<std::ptrdiff_t>(block * 512));
  }
  const Bytes one = part(bench.medium().bytes, 0, 512);
  EXPECT_TRUE(bench.out(cdb_10(0x2f, kEach, 20, 4), one).good());
  bench.medium().bytes[22 * 512 + 100] ^= std::byte{1};
  expect_check(bench.out(cdb_10(0x2f, kEach, 20, 4), one), kMiscompareDuringVerify, 100);
}

TEST(DiskVerify, ReservedByteCheckIsRefused) {
  Bench bench;
  for (const std::uint8_t opcode : opcodes({0x2f, 0xaf, 0x8f})) {
    expect_invalid_cdb(bench.out(verify_of(opcode, kReserved, 0, 1), Bytes(512)), 1, 2);
  }
  for (const std::uint8_t opcode : opcodes({0x2e, 0xae, 0x8e})) {
    expect_invalid_cdb(bench.out(verify_of(opcode, kReserved, 0, 1), Bytes(512)), 1, 2);
    expect_invalid_cdb(bench.out(verify_of(opcode, kEach, 0, 1), Bytes(512)), 1, 2);
  }
}

TEST(DiskVerify, LargeRangesGoInParts) {
  FakeMedium medium;
  medium.blocks = 16384;
  Bench bench(std::move(medium));
  const std::uint16_t blocks = 4001;
  Bytes data = part(bench.medium().bytes, 5 * 512, blocks * 512u);
  EXPECT_TRUE(bench.out(cdb_10(0x2f, kCompare, 5, blocks), data).good());
  EXPECT_TRUE(bench.run(cdb_10(0x2f, 0, 5, blocks)).good());
  data[3999 * 512 + 5] ^= std::byte{1};
  expect_check(bench.out(cdb_10(0x2f, kCompare, 5, blocks), data), kMiscompareDuringVerify, 3999 * 512 + 5);
}

TEST(DiskVerify, NeedsAllTheDataItCompares) {
  Bench bench;
  expect_check(bench.out(cdb_10(0x2f, kCompare, 0, 2), Bytes(512)), kInvalidFieldInCommandInformationUnit);
  expect_check(bench.run(cdb_10(0x2f, kEach, 0, 2)), kInvalidFieldInCommandInformationUnit);
}

TEST(DiskWriteAndVerify, WritesThenReadsBackFromStableStorage) {
  for (const std::uint8_t opcode : opcodes({0x2e, 0xae, 0x8e})) {
    for (const std::uint8_t check : opcodes({0, kCompare})) {
      Bench bench;
      const Bytes data = pattern(3 * 512, opcode);
      EXPECT_TRUE(bench.out(verify_of(opcode, check, 10, 3), data).good());
      EXPECT_EQ(part(bench.medium().bytes, 10 * 512, 3 * 512), data);
      ASSERT_EQ(bench.medium().requests.size(), 2u);
      EXPECT_EQ(bench.medium().requests[0].op, StoreOp::kWrite);
      EXPECT_EQ(bench.medium().requests[1].op, StoreOp::kRead);
      EXPECT_TRUE(bench.medium().requests[0].fua && bench.medium().requests[1].fua);
    }
  }
}

TEST(DiskWriteAndVerify, LargeTransfersGoInParts) {
  FakeMedium medium;
  medium.blocks = 16384;
  Bench bench(std::move(medium));
  const Bytes data = pattern(4001 * 512, 1);
  EXPECT_TRUE(bench.out(cdb_10(0x2e, kCompare, 5, 4001), data).good());
  EXPECT_EQ(part(bench.medium().bytes, 5 * 512, data.size()), data);
}

Bytes both(Bytes compare, const Bytes& write) {
  compare.insert(compare.end(), write.begin(), write.end());
  return compare;
}

TEST(DiskCompareAndWrite, WritesWhenAllIsAsExpected) {
  for (const bool lends : {false, true}) {
    for (const std::uint8_t blocks : opcodes({1, 2, 7, 100, 255})) {
      FakeMedium medium;
      medium.lends = lends;
      Bench bench(std::move(medium));
      const std::size_t size = blocks * std::size_t{512};
      const Bytes before = bench.medium().bytes;
      const Bytes data = pattern(size, blocks);
      EXPECT_TRUE(bench.out(compare_and_write_cdb(40, blocks), both(part(before, 40 * 512, size), data)).good());
      Bytes expected = before;
      std::copy(data.begin(), data.end(), expected.begin() + 40 * 512);
      EXPECT_EQ(bench.medium().bytes, expected);
    }
  }
}

TEST(DiskCompareAndWrite, MiscompareWritesNothingAndTellsWhere) {
  Bench bench;
  const Bytes before = bench.medium().bytes;
  const std::size_t size = 3 * 512;
  for (const std::size_t at : {0u, 511u, 512u, 1535u}) {
    Bytes compare = part(before, 40 * 512, size);
    compare[at] ^= std::byte{4};
    expect_check(bench.out(compare_and_write_cdb(40, 3), both(compare, pattern(size, 1))), kMiscompareDuringVerify, at);
  }
  EXPECT_EQ(bench.medium().bytes, before);
}

TEST(DiskCompareAndWrite, LengthAndLimitAreChecked) {
  Bench bench;
  expect_invalid_cdb(bench.out(compare_and_write_cdb(0, 1), Bytes(4 * 512)), 13);
  expect_invalid_cdb(bench.out(compare_and_write_cdb(0, 3), Bytes(4 * 512)), 13);
  expect_invalid_cdb(bench.out(compare_and_write_cdb(0, 0), Bytes(512 * 512)), 13);
  expect_invalid_cdb(bench.run(compare_and_write_cdb(0, 1)), 13);
  EXPECT_TRUE(bench.run(compare_and_write_cdb(0, 0)).good());
  FakeMedium large;
  large.block_size = 4096;
  Bench bench_4k(std::move(large));
  expect_invalid_cdb(bench_4k.out(compare_and_write_cdb(0, 129), Bytes(2 * 129 * 4096)), 13);
  const Bytes before = part(bench_4k.medium().bytes, 0, 128 * 4096);
  EXPECT_TRUE(bench_4k.out(compare_and_write_cdb(0, 128), both(before, before)).good());
}

TEST(DiskCompareAndWrite, ExactlyOneOfManyWins) {
  Bench bench({}, {}, 2);
  LoopNexus& other = bench.login("iqn.2026-01.test:other", 1);
  const Bytes before = part(bench.medium().bytes, 0, 512);
  std::vector<test_support::LoopCommand*> sent;
  for (std::uint64_t i = 0; i < 64; ++i) {
    LoopNexus& from = i % 2 == 0 ? bench.host() : other;
    sent.push_back(&from.send({.cdb = compare_and_write_cdb(0, 1), .out = both(before, pattern(512, 1000 + i))}));
  }
  bench.target().settle();
  std::size_t winners = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    ASSERT_TRUE(sent[i]->reply.over);
    if (sent[i]->reply.good()) {
      ++winners;
      EXPECT_EQ(part(bench.medium().bytes, 0, 512), pattern(512, 1000 + i));
    } else {
      EXPECT_EQ(sent[i]->reply.sense, kMiscompareDuringVerify);
    }
  }
  EXPECT_EQ(winners, 1u);
}

TEST(DiskOrWrite, OrsIntoTheMedium) {
  for (const bool lends : {false, true}) {
    FakeMedium medium;
    medium.blocks = 16384;
    medium.lends = lends;
    Bench bench(std::move(medium));
    for (const std::uint32_t blocks : {1u, 5u, 3001u}) {
      Bytes expected = bench.medium().bytes;
      const Bytes data = pattern(blocks * 512, blocks);
      for (std::size_t i = 0; i < data.size(); ++i) expected[7 * 512 + i] |= data[i];
      EXPECT_TRUE(bench.out(cdb_16(0x8b, 0, 7, blocks), data).good());
      EXPECT_EQ(bench.medium().bytes, expected);
    }
    expect_check(bench.out(cdb_16(0x8b, 0, 7, 2), Bytes(512)), kInvalidFieldInCommandInformationUnit);
  }
}

TEST(DiskOrWrite, ConcurrentOrsLoseNoBit) {
  Bench bench({}, {}, 2);
  LoopNexus& other = bench.login("iqn.2026-01.test:other", 1);
  std::fill_n(bench.medium().bytes.begin(), 512, std::byte{0});
  for (int bit = 0; bit < 64; ++bit) {
    Bytes data(512);
    data[static_cast<std::size_t>(bit / 8)] = static_cast<std::byte>(1 << (bit % 8));
    (bit % 2 == 0 ? bench.host() : other).send({.cdb = cdb_16(0x8b, 0, 0, 1), .out = data});
  }
  bench.target().settle();
  EXPECT_EQ(number(bench.medium().bytes, 0, 8), ~0ull);
}

}  // namespace
}  // namespace scsi
