// READ, WRITE and WRITE ATOMIC: data, limits, residuals, FUA and WCE, errors of the medium; lent and through buffers.
#include <string>
#include <tuple>

#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

constexpr std::uint8_t kFua = 0x08, kDpo = 0x10;
using Residual = Response::Residual;

class DiskMedium : public testing::TestWithParam<std::tuple<bool, std::uint32_t>> {
 protected:
  static FakeMedium medium() {
    FakeMedium m;
    m.lends = std::get<0>(GetParam());
    m.volatile_cache = !m.lends;
    m.block_size = std::get<1>(GetParam());
    return m;
  }
  std::size_t size(std::size_t blocks) const { return blocks * std::get<1>(GetParam()); }
  static Bytes part(const Bytes& all, std::size_t at, std::size_t length) {
    return {all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + length)};
  }
};
INSTANTIATE_TEST_SUITE_P(Media, DiskMedium, testing::Combine(testing::Bool(), testing::Values(512u, 4096u)),
                         [](const auto& media) {
                           return std::string(std::get<0>(media.param) ? "Lent" : "Buffered") +
                                  std::to_string(std::get<1>(media.param));
                         });

TEST_P(DiskMedium, EveryReadReturnsTheMediumsBytes) {
  Bench bench(medium());
  for (const Cdb& cdb : {cdb_6(0x08, 5, 3), cdb_10(0x28, 0, 5, 3), cdb_12(0xa8, kDpo, 5, 3), cdb_16(0x88, 0, 5, 3)}) {
    const Reply reply = bench.in(cdb, size(3));
    EXPECT_TRUE(reply.good());
    EXPECT_EQ(reply.data, part(bench.medium().bytes, size(5), size(3))) << int{cdb[0]};
    EXPECT_EQ(reply.residual, Residual::kNone);
  }
}

TEST_P(DiskMedium, EveryWriteReachesTheMediumAndNothingElse) {
  Bench bench(medium());
  for (const Cdb& cdb : {cdb_6(0x0a, 5, 3), cdb_10(0x2a, 0, 5, 3), cdb_12(0xaa, kDpo, 5, 3), cdb_16(0x8a, kFua, 5, 3),
                         write_atomic_cdb(5, 3)}) {
    const Bytes before = bench.medium().bytes;
    const Bytes data = pattern(size(3), cdb[0]);
    EXPECT_TRUE(bench.out(cdb, data).good()) << int{cdb[0]};
    Bytes expected = before;
    std::copy(data.begin(), data.end(), expected.begin() + static_cast<std::ptrdiff_t>(size(5)));
    EXPECT_EQ(bench.medium().bytes, expected) << int{cdb[0]};
  }
}

TEST_P(DiskMedium, ReadAndWriteSixTakeZeroBlocksFor256) {
  Bench bench(medium());
  EXPECT_EQ(bench.in(cdb_6(0x08, 7, 0), size(256)).data, part(bench.medium().bytes, size(7), size(256)));
  const Bytes data = pattern(size(256), 1);
  EXPECT_TRUE(bench.out(cdb_6(0x0a, 9, 0), data).good());
  EXPECT_EQ(part(bench.medium().bytes, size(9), size(256)), data);
}

TEST_P(DiskMedium, ManyPartsMakeOneTransfer) {
  FakeMedium parts = medium();
  parts.blocks = 16384;
  parts.lend_at_most = 300 * 512;
  Bench bench(std::move(parts));
  const std::uint32_t blocks = static_cast<std::uint32_t>((std::size_t{5} << 20) / size(1) + 1);
  const Reply reply = bench.in(cdb_16(0x88, 0, 3, blocks), size(blocks));
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data, part(bench.medium().bytes, size(3), size(blocks)));
  const Bytes data = pattern(size(blocks), 4);
  EXPECT_TRUE(bench.out(cdb_16(0x8a, 0, 11, blocks), data).good());
  EXPECT_EQ(part(bench.medium().bytes, size(11), size(blocks)), data);
}

TEST_P(DiskMedium, TransferLengthZeroMovesNothingButChecksTheAddress) {
  Bench bench(medium());
  for (const std::uint8_t opcode : opcodes({0x28, 0x2a, 0x2e, 0x2f})) {
    EXPECT_TRUE(bench.run(cdb_10(opcode, 0, 0, 0)).good()) << int{opcode};
    EXPECT_TRUE(bench.run(cdb_10(opcode, 0, 4096, 0)).good()) << int{opcode};
    expect_check(bench.run(cdb_10(opcode, 0, 4097, 0)), kLogicalBlockAddressOutOfRange, 4097);
    expect_check(bench.run(cdb_10(opcode, 0, 0xffffffff, 0)), kLogicalBlockAddressOutOfRange, 0xffffffff);
  }
  for (const std::uint8_t opcode : opcodes({0x88, 0x8a, 0x8b, 0x8e, 0x8f, 0x9c, 0x89})) {
    EXPECT_TRUE(bench.run(cdb_16(opcode, 0, 0, 0)).good()) << int{opcode};
    EXPECT_TRUE(bench.run(cdb_16(opcode, 0, 4096, 0)).good()) << int{opcode};
    for (const std::uint64_t lba : {4097ull, 1ull << 31, 1ull << 54, 1ull << 55, 1ull << 63, ~0ull}) {
      expect_check(bench.run(cdb_16(opcode, 0, lba, 0)), kLogicalBlockAddressOutOfRange);
    }
  }
}

// Where address and length meet the end of the medium: {lba, blocks, fits}.
struct Edge {
  std::uint64_t lba;
  std::uint32_t blocks;
  bool fits;
};
constexpr Edge kEdges[] = {{4095, 1, true},
                           {4095, 2, false},
                           {4096, 1, false},
                           {4000, 96, true},
                           {4000, 97, false},
                           {~0ull, 1, false},
                           {~0ull, 2, false},
                           {~0ull - 1, 1, false},
                           {1ull << 63, 1, false},
                           {1ull << 55, 1, false},
                           {1ull << 54, 8, false},
                           {0xffffffff, 1, false},
                           {0xffffffff, 0xffff, false}};

TEST_P(DiskMedium, NoAddressAndLengthReachBeyondTheEnd) {
  Bench bench(medium());
  const Bytes before = bench.medium().bytes;
  for (const Edge& edge : kEdges) {
    const auto check = [&](const Cdb& cdb, const Reply& reply) {
      if (edge.fits) {
        EXPECT_TRUE(reply.status == Status::kGood || reply.status == Status::kConditionMet) << int{cdb[0]};
      } else {
        expect_check(reply, kLogicalBlockAddressOutOfRange);
        const std::uint64_t first = std::max<std::uint64_t>(edge.lba, 4096);
        EXPECT_EQ(sense_of(reply).has_information, first <= 0xffffffff) << int{cdb[0]} << " " << edge.lba;
        if (first <= 0xffffffff) {
          EXPECT_EQ(sense_of(reply).information, first) << int{cdb[0]} << " " << edge.lba;
        }
        EXPECT_EQ(reply.data_out_bytes, 0u) << "data was asked for";
      }
    };
    const std::size_t room = size(edge.fits ? edge.blocks : 4);
    const Bytes same = edge.fits ? part(before, size(edge.lba), room) : Bytes(room);
    for (const std::uint8_t opcode : opcodes({0x88, 0x8a, 0x8b, 0x8e, 0x8f, 0x90, 0x91})) {
      const Cdb cdb = cdb_16(opcode, 0, edge.lba, edge.blocks);
      const bool reads = opcode == 0x88, writes = opcode == 0x8a || opcode == 0x8b || opcode == 0x8e;
      check(cdb, reads ? bench.in(cdb, room) : writes ? bench.out(cdb, same) : bench.run(cdb));
    }
    Bytes twice = same;
    twice.insert(twice.end(), same.begin(), same.end());
    if (edge.blocks <= 128)
      check(compare_and_write_cdb(edge.lba, 1),
            bench.out(compare_and_write_cdb(edge.lba, static_cast<std::uint8_t>(edge.blocks)), twice));
    if (edge.lba <= 0xffffffff && edge.blocks <= 0xffff) {
      const auto lba = static_cast<std::uint32_t>(edge.lba);
      const auto blocks = static_cast<std::uint16_t>(edge.blocks);
      check(cdb_10(0x28, 0, lba, blocks), bench.in(cdb_10(0x28, 0, lba, blocks), room));
      check(cdb_10(0x2a, 0, lba, blocks), bench.out(cdb_10(0x2a, 0, lba, blocks), same));
      check(cdb_12(0xa8, 0, lba, blocks), bench.in(cdb_12(0xa8, 0, lba, blocks), room));
      check(cdb_12(0xaa, 0, lba, blocks), bench.out(cdb_12(0xaa, 0, lba, blocks), same));
    }
  }
  EXPECT_EQ(bench.medium().bytes, before);
}

TEST_P(DiskMedium, TransferAboveTheLimitIsRefusedAtItsField) {
  FakeMedium large = medium();
  large.blocks = 70000;
  Bench bench(std::move(large));
  const std::uint32_t limit = static_cast<std::uint32_t>((std::size_t{32} << 20) / size(1));
  expect_invalid_cdb(bench.in(cdb_12(0xa8, 0, 0, limit + 1), 512), 6);
  expect_invalid_cdb(bench.in(cdb_16(0x88, 0, 0, limit + 1), 512), 10);
  expect_invalid_cdb(bench.out(cdb_16(0x8a, 0, 0, limit + 1), Bytes(512)), 10);
  expect_invalid_cdb(bench.out(cdb_16(0x8b, 0, 0, limit + 1), Bytes(512)), 10);
  expect_invalid_cdb(bench.run(cdb_16(0x8f, 0, 0, limit + 1)), 10);
  expect_invalid_cdb(bench.out(write_atomic_cdb(0, 513), Bytes(size(1))), 12);
  EXPECT_TRUE(bench.in(cdb_16(0x88, 0, 0, limit), size(1)).good());
}

TEST_P(DiskMedium, ProtectionFieldsAndReservedBitsAreRefused) {
  Bench bench(medium());
  for (unsigned protect = 1; protect < 8; ++protect) {
    const auto flags = static_cast<std::uint8_t>(protect << 5);
    const int bit = protect >= 4 ? 7 : protect >= 2 ? 6 : 5;
    for (const std::uint8_t opcode : opcodes({0x28, 0x2a, 0x2e, 0x2f, 0x41})) {
      expect_invalid_cdb(bench.run(cdb_10(opcode, flags, 0, 1)), 1, bit);
    }
    for (const std::uint8_t opcode : opcodes({0xa8, 0xaa, 0xae, 0xaf})) {
      expect_invalid_cdb(bench.run(cdb_12(opcode, flags, 0, 1)), 1, bit);
    }
    for (const std::uint8_t opcode : opcodes({0x88, 0x8a, 0x8b, 0x8e, 0x8f, 0x93, 0x9c, 0x89})) {
      expect_invalid_cdb(bench.run(cdb_16(opcode, flags, 0, 1)), 1, bit);
    }
  }
  Cdb naca = cdb_10(0x28, 0, 0, 1);
  naca[9] = 0x04;
  expect_invalid_cdb(bench.in(naca, size(1)), 9, 2);
  Cdb group = cdb_10(0x28, 0, 0, 1);
  group[6] = 0x3f;
  EXPECT_TRUE(bench.in(group, size(1)).good());
  Cdb boundary = write_atomic_cdb(0, 1);
  boundary[11] = 1;
  expect_invalid_cdb(bench.out(boundary, Bytes(size(1))), 11, 0);
}

// --- residuals: EXPECTED LENGTH against the CDB ---

void expect_residual(const Reply& reply, Residual kind, std::uint64_t count) {
  EXPECT_EQ(reply.residual, kind);
  EXPECT_EQ(reply.residual_count, count);
}

TEST_P(DiskMedium, ReadMovesAtMostWhatIsExpected) {
  Bench bench(medium());
  const Bytes all = bench.medium().bytes;
  const std::size_t block = size(1);
  Reply reply = bench.in(cdb_10(0x28, 0, 1, 1), 0);
  EXPECT_TRUE(reply.good());
  expect_residual(reply, Residual::kOverflow, block);
  reply = bench.in(cdb_10(0x28, 0, 1, 1), 10000);
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data, part(all, block, block));
  expect_residual(reply, Residual::kUnderflow, 10000 - block);
  reply = bench.in(cdb_10(0x28, 0, 1, 1), 200);
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data, part(all, block, 200));
  expect_residual(reply, Residual::kOverflow, block - 200);
  reply = bench.in(cdb_10(0x28, 0, 1, 2), block);
  EXPECT_EQ(reply.data, part(all, block, block));
  expect_residual(reply, Residual::kOverflow, block);
  reply = bench.out(cdb_10(0x28, 0, 1, 1), Bytes(block));  // a READ that comes with data out
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data_out_bytes, 0u);
}

TEST_P(DiskMedium, WriteTakesWholeBlocksOfWhatIsExpected) {
  for (const std::uint8_t opcode : opcodes({0x2a, 0x2e})) {
    Bench bench(medium());
    const Bytes before = bench.medium().bytes;
    const std::size_t block = size(1);
    const Bytes data = pattern(2 * block, 5);
    Reply reply = bench.run(cdb_10(opcode, 0, 1, 1));
    EXPECT_TRUE(reply.good());
    expect_residual(reply, Residual::kOverflow, block);
    reply = bench.out(cdb_10(opcode, 0, 1, 1), Bytes(200));
    expect_check(reply, kInvalidFieldInCommandInformationUnit);
    expect_residual(reply, Residual::kOverflow, block - 200);
    reply = bench.target().run(bench.host(), {.cdb = cdb_10(opcode, 0, 1, 1), .in = block});
    expect_check(reply, kInvalidFieldInCommandInformationUnit);
    EXPECT_EQ(bench.medium().bytes, before);
    reply = bench.out(cdb_10(opcode, 0, 1, 2), part(data, 0, block));
    EXPECT_TRUE(reply.good());
    expect_residual(reply, Residual::kOverflow, block);
    EXPECT_EQ(part(bench.medium().bytes, block, block), part(data, 0, block));
    EXPECT_EQ(part(bench.medium().bytes, 2 * block, block), part(before, 2 * block, block));
    reply = bench.out(cdb_10(opcode, 0, 1, 1), data);
    EXPECT_TRUE(reply.good());
    expect_residual(reply, Residual::kUnderflow, block);
    EXPECT_EQ(part(bench.medium().bytes, 2 * block, block), part(before, 2 * block, block));
  }
}

TEST_P(DiskMedium, WriteAtomicTakesAllOrNothing) {
  Bench bench(medium());
  const Bytes before = bench.medium().bytes;
  expect_check(bench.out(write_atomic_cdb(0, 2), Bytes(size(1))), kInvalidFieldInCommandInformationUnit);
  EXPECT_EQ(bench.medium().bytes, before);
  const Bytes data = pattern(size(512), 6);
  EXPECT_TRUE(bench.out(write_atomic_cdb(1, 512), data).good());
  EXPECT_EQ(part(bench.medium().bytes, size(1), data.size()), data);
  ASSERT_EQ(bench.medium().requests.size(), 1u) << "one request of the backstore";
  EXPECT_EQ(bench.medium().requests[0].length, data.size());
}

// --- stable storage ---

TEST(DiskStability, FuaAndWceDecideWhetherAWriteMustBeStable) {
  for (const bool write_cache : {true, false}) {
    for (const bool fua : {true, false}) {
      LuConfig config;
      config.write_cache = write_cache;
      Bench bench({}, config);
      const std::uint8_t flags = fua ? kFua : 0;
      EXPECT_TRUE(bench.out(cdb_10(0x2a, flags, 0, 1), Bytes(512)).good());
      EXPECT_TRUE(bench.out(cdb_16(0x8b, flags, 0, 1), Bytes(512)).good());
      EXPECT_TRUE(bench.out(write_atomic_cdb(0, 1, flags), Bytes(512)).good());
      for (const FakeMedium::Seen& seen : bench.medium().requests) {
        if (seen.op == StoreOp::kWrite) {
          EXPECT_EQ(seen.fua, fua || !write_cache);
        }
      }
      EXPECT_FALSE(bench.medium().requests.empty());
    }
  }
}

TEST(DiskStability, FuaReadComesFromStableStorage) {
  Bench bench;
  EXPECT_TRUE(bench.in(cdb_10(0x28, kFua, 0, 1), 512).good());
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 0, 1), 512).good());
  ASSERT_EQ(bench.medium().requests.size(), 2u);
  EXPECT_TRUE(bench.medium().requests[0].fua);
  EXPECT_FALSE(bench.medium().requests[1].fua);
}

TEST(DiskStability, LentMemoryWithAVolatileCacheIsNotUsedWhenDataMustBeStable) {
  FakeMedium medium;
  medium.lends = true;
  medium.volatile_cache = true;
  Bench bench(std::move(medium));
  EXPECT_TRUE(bench.out(cdb_10(0x2a, kFua, 0, 1), Bytes(512)).good());
  EXPECT_TRUE(bench.in(cdb_10(0x28, kFua, 0, 1), 512).good());
  EXPECT_EQ(bench.medium().lent, 0);
  EXPECT_EQ(bench.medium().requests.size(), 2u);
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 0, 1), 512).good());
  EXPECT_EQ(bench.medium().lent, 1);
}

// --- errors of the medium ---

TEST(DiskMediumErrors, ReadTellsTheFirstBadBlock) {
  Bench bench;
  bench.medium().fail_with = StoreStatus::kMediumError;
  bench.medium().fail_op = StoreOp::kRead;
  bench.medium().fail_from = 13 * 512;
  bench.medium().fail_to = 14 * 512;
  expect_check(bench.in(cdb_10(0x28, 0, 10, 8), 8 * 512), kUnrecoveredReadError, 13);
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 10, 3), 3 * 512).good());
}

TEST(DiskMediumErrors, WriteFailuresAreTold) {
  for (const bool lends : {false, true}) {
    FakeMedium medium;
    medium.lends = lends;
    medium.volatile_cache = false;
    medium.fail_op = StoreOp::kWrite;
    medium.fail_from = 5 * 512;
    medium.fail_to = 6 * 512;
    medium.fail_with = StoreStatus::kNoSpace;
    Bench bench(std::move(medium));
    expect_check(bench.out(cdb_10(0x2a, 0, 5, 1), Bytes(512)), kSpaceAllocationFailedWriteProtect);
    bench.medium().fail_with = StoreStatus::kMediumError;
    expect_check(bench.out(cdb_10(0x2a, 0, 5, 1), Bytes(512)), kWriteError, 5);
    EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 6, 1), Bytes(512)).good());
  }
}

TEST(DiskMediumErrors, MediumThatIsGoneTakesTheUnitOffline) {
  Bench bench;
  bench.medium().fail_with = StoreStatus::kGone;
  bench.medium().fail_to = 512;
  ExpectLog expect("its medium is gone");
  EXPECT_EQ(bench.in(cdb_10(0x28, 0, 0, 1), 512).sense, kLogicalUnitFailure);
  EXPECT_EQ(bench.in(cdb_10(0x28, 0, 8, 1), 512).sense.key, SenseKey::kNotReady);
}

TEST(DiskWriteProtection, EveryWriteIsRefusedBeforeDataIsAskedFor) {
  LuConfig config;
  config.write_protected = true;
  Bench bench({}, config);
  const Bytes before = bench.medium().bytes;
  const Bytes data(1024);
  for (const std::uint8_t opcode : opcodes({0x2a, 0x2e, 0x41, 0x42})) {
    const Reply reply = bench.out(cdb_10(opcode, 0, 0, 1), data);
    expect_check(reply, kWriteProtected);
    EXPECT_EQ(reply.data_out_bytes, 0u);
  }
  for (const std::uint8_t opcode : opcodes({0x8a, 0x8b, 0x8e, 0x93, 0x9c, 0x89})) {
    expect_check(bench.out(cdb_16(opcode, 0, 0, 1), data), kWriteProtected);
  }
  expect_check(bench.out(cdb_12(0xaa, 0, 0, 1), data), kWriteProtected);
  expect_check(bench.out(cdb_6(0x0a, 0, 1), data), kWriteProtected);
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 0, 1), 512).good());
  EXPECT_EQ(bench.medium().bytes, before);
}

}  // namespace
}  // namespace scsi
