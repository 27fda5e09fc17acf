// VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, WRITE SAME and UNMAP of a unit with protection information, and the
// 32-byte CDBs of type 2.
#include "scsi_core/disk/opcode_table.h"
#include "tests/unit/scsi_core/disk/protected_bench.h"

namespace scsi {
namespace {

constexpr unsigned kCompareAll = 0x02, kCompareEach = 0x06, kUnmapFlag = 0x08, kNdob = 0x01;

SenseCode miscompare(SenseCode of) { return {SenseKey::kMiscompare, of.asc, of.ascq}; }

class ProtectedVerify : public InCoreAndPort {};
INSTANTIATE_TEST_SUITE_P(By, ProtectedVerify, testing::Bool(), who_does);

TEST_P(ProtectedVerify, MediumIsCheckedByTheCode) {
  ProtectedBench bench(1);
  const Bytes block = pattern(512, 1);
  bench.plant(11, block, {static_cast<std::uint16_t>(crc_of_t10(block) ^ 1), 0, 11});
  bench.plant(13, block, {crc_of_t10(block), 0, 14});
  const bool guard[] = {true, true, false, false, true, true}, reference[] = {true, true, true, false, false, true};
  for (unsigned protect = 0; protect < 6; ++protect) {
    const Reply of_guard = bench.run(cdb_10(0x2f, code(protect), 10, 2));
    const Reply of_reference = bench.run(cdb_10(0x2f, code(protect), 12, 2));
    if (guard[protect]) {
      expect_check(of_guard, kLogicalBlockGuardCheckFailed, 11);
    } else {
      EXPECT_TRUE(of_guard.good()) << protect;
    }
    if (reference[protect]) {
      expect_check(of_reference, kLogicalBlockReferenceTagCheckFailed, 13);
    } else {
      EXPECT_TRUE(of_reference.good()) << protect;
    }
  }
}

TEST_P(ProtectedVerify, DataAndInformationAreCompared) {
  ProtectedBench bench(1);
  const Bytes data = pattern(700 * 512, 2), wire = interleaved(data, 50);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, code(1), 50, 700), wire).good());
  EXPECT_TRUE(bench.out(cdb_16(0x8f, code(1, kCompareAll), 50, 700), wire).good());
  EXPECT_TRUE(bench.out(cdb_16(0x8f, code(0, kCompareAll), 50, 700), data).good());
  Bytes other = data;
  other[600 * 512 + 9] ^= std::byte{1};
  expect_check(bench.out(cdb_16(0x8f, code(0, kCompareAll), 50, 700), other), kMiscompareDuringVerify, 600 * 512 + 9);
  expect_check(bench.out(cdb_16(0x8f, code(1, kCompareAll), 50, 700), interleaved(other, 50)), kMiscompareDuringVerify,
               600 * 520 + 9);
  other = wire;
  other[600 * 520 + 512] ^= std::byte{1};
  expect_check(bench.out(cdb_16(0x8f, code(1, kCompareAll), 50, 700), other), kLogicalBlockGuardCheckFailed, 650);
  expect_check(bench.out(cdb_16(0x8f, code(3, kCompareAll), 50, 700), other), miscompare(kLogicalBlockGuardCheckFailed),
               650);
  EXPECT_TRUE(bench.out(cdb_16(0x8f, code(2, kCompareAll), 50, 700), other).good()) << "010b leaves the guard out";
  other = wire;
  other[3 * 520 + 519] ^= std::byte{1};
  expect_check(bench.out(cdb_16(0x8f, code(3, kCompareAll), 50, 700), other),
               miscompare(kLogicalBlockReferenceTagCheckFailed), 53);
}

TEST_P(ProtectedVerify, ApplicationTagIsComparedIfItIsTheClients) {
  for (const bool owned : {false, true}) {
    ProtectedBench bench(1);
    if (owned) bench.own_application_tag();
    const Bytes data = pattern(512, 3);
    EXPECT_TRUE(bench.out(cdb_10(0x2a, code(1), 5, 1), interleaved(data, 5, 0x11)).good());
    const Reply reply = bench.out(cdb_10(0x2f, code(1, kCompareAll), 5, 1), interleaved(data, 5, 0x12));
    if (owned) {
      expect_check(reply, miscompare(kLogicalBlockApplicationTagCheckFailed), 5);
    } else {
      EXPECT_TRUE(reply.good());
    }
  }
}

TEST_P(ProtectedVerify, OneBlockIsComparedWithEachAndItsReferenceTagCountsOn) {
  ProtectedBench bench(1);
  Bytes data;
  for (int i = 0; i < 4; ++i) {
    const Bytes block = pattern(512, 4);
    data.insert(data.end(), block.begin(), block.end());
  }
  EXPECT_TRUE(bench.out(cdb_10(0x2a, code(1), 9, 4), interleaved(data, 9)).good());
  const Bytes one = interleaved(block_of(data, 0), 9);
  EXPECT_TRUE(bench.out(cdb_10(0x2f, code(1, kCompareEach), 9, 4), one).good());
  bench.plant(11, block_of(data, 0), tuple_for(block_of(data, 0), 12));
  expect_check(bench.out(cdb_10(0x2f, code(1, kCompareEach), 9, 4), one),
               miscompare(kLogicalBlockReferenceTagCheckFailed), 11);
}

TEST_P(ProtectedVerify, WriteAndVerifyWritesChecksAndKeeps) {
  ProtectedBench bench(1);
  const Bytes wire = interleaved(pattern(600 * 512, 5), 1);
  for (const unsigned check : {0u, kCompareAll}) {
    EXPECT_TRUE(bench.out(cdb_16(0x8e, code(1, check), 1, 600), wire).good());
    EXPECT_TRUE(bench.in(cdb_16(0x88, code(1), 1, 600), wire.size()).data == wire);
    EXPECT_TRUE(bench.out(cdb_16(0x8e, code(0, check), 1, 600), pattern(600 * 512, 6)).good());
    EXPECT_TRUE(bench.run(cdb_10(0x2f, code(1), 1, 600)).good());
  }
  expect_check(bench.out(cdb_16(0x8e, code(1), 2, 600), wire), kLogicalBlockReferenceTagCheckFailed, 2);
}

class ProtectedCompareAndWrite : public InCoreAndPort {};
INSTANTIATE_TEST_SUITE_P(By, ProtectedCompareAndWrite, testing::Bool(), who_does);

TEST_P(ProtectedCompareAndWrite, ComparesUserDataAndWritesTheSecondInstance) {
  ProtectedBench bench(1);
  const Bytes old_data = pattern(3 * 512, 7), new_data = pattern(3 * 512, 8);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, code(1), 4, 3), interleaved(old_data, 4)).good());
  Bytes both = interleaved(old_data, 4);
  const Bytes second = interleaved(new_data, 4);
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_TRUE(bench.out(compare_and_write_cdb(4, 3, code(1)), both).good());
  EXPECT_EQ(bench.raw(4, 3), second);
  expect_check(bench.out(compare_and_write_cdb(4, 3, code(1)), both), kMiscompareDuringVerify, 0);
  Bytes plain = new_data;
  plain.insert(plain.end(), old_data.begin(), old_data.end());
  EXPECT_TRUE(bench.out(compare_and_write_cdb(4, 3), plain).good());
  EXPECT_EQ(bench.raw(4, 3), interleaved(old_data, 4));
  both[4 * 520 + 513] ^= std::byte{1};
  expect_check(bench.out(compare_and_write_cdb(4, 3, code(1)), both), kLogicalBlockGuardCheckFailed, 5);
  expect_invalid_cdb(bench.out(compare_and_write_cdb(4, 3, code(1)), plain), 13);
}

class ProtectedWriteSame : public InCoreAndPort {};
INSTANTIATE_TEST_SUITE_P(By, ProtectedWriteSame, testing::Bool(), who_does);

TEST_P(ProtectedWriteSame, RepeatsDataAndCountsTheReferenceTag) {
  for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{3}}) {
    ProtectedBench bench(type);
    const Bytes block = pattern(512, 9);
    Bytes wire;
    append(wire, block, tuple_for(block, 30, 0x77));
    EXPECT_TRUE(bench.out(cdb_16(0x93, code(1), 30, 1100), wire).good());
    const Bytes back = bench.in(cdb_16(0x88, code(1), 30, 1100), bench.wire(1100)).data;
    ASSERT_EQ(back.size(), bench.wire(1100));
    for (std::uint32_t i = 0; i < 1100; ++i) {
      ASSERT_EQ(tuple_in(back, i), tuple_for(block, type == 1 ? 30 + i : 30, 0x77)) << i;
    }
    EXPECT_TRUE(bench.out(cdb_10(0x41, 0, 30, 3), block).good());
    EXPECT_EQ(tuple_in(bench.raw(30, 3), 2), tuple_for(block, type == 1 ? 32 : 0xffff'ffff));
  }
}

TEST_P(ProtectedWriteSame, UnmapAndNoDataLeaveNothingToCheck) {
  ProtectedBench bench(1);
  const auto fill = [&] { EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 64), pattern(64 * 512, 10)).good()); };
  const auto expect_hole = [&](const char* what) {
    const Bytes raw = bench.raw(8, 3);
    EXPECT_EQ(block_of(bench.in(cdb_10(0x28, 0, 8, 3), 1536).data, 2), Bytes(512)) << what;
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(tuple_in(raw, i), Tuple()) << what;
    EXPECT_NE(tuple_in(bench.raw(7, 1), 0), Tuple()) << what;
    EXPECT_NE(tuple_in(bench.raw(11, 1), 0), Tuple()) << what;
  };
  fill();
  EXPECT_TRUE(bench.out(cdb_16(0x93, code(1, kUnmapFlag), 8, 3), interleaved(Bytes(512), 8)).good());
  expect_hole("WRITE SAME with UNMAP");
  fill();
  EXPECT_TRUE(bench.run(cdb_16(0x93, kNdob, 8, 3)).good());
  expect_hole("NDOB");
  fill();
  Bytes list(24);
  list[1] = std::byte{22}, list[3] = std::byte{16}, list[15] = std::byte{8}, list[19] = std::byte{3};
  EXPECT_TRUE(bench.out({0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0}, list).good());
  expect_hole("UNMAP");
}

TEST_P(ProtectedWriteSame, BlockIsCheckedFirst) {
  ProtectedBench bench(1);
  expect_check(bench.out(cdb_10(0x41, code(1), 6, 2), interleaved(pattern(512, 11), 7)),
               kLogicalBlockReferenceTagCheckFailed, 6);
  expect_check(bench.out(cdb_10(0x41, code(1), 6, 2), pattern(512, 11)), kInvalidFieldInCommandInformationUnit);
}

// --- type 2 ---

constexpr std::uint8_t kRead = 0x09, kVerify = 0x0a, kWrite = 0x0b, kWriteAndVerify = 0x0c, kWriteSame = 0x0d;

class ProtectedType2 : public InCoreAndPort {};
INSTANTIATE_TEST_SUITE_P(By, ProtectedType2, testing::Bool(), who_does);

TEST_P(ProtectedType2, ReferenceTagsAreWhatTheCdbSays) {
  ProtectedBench bench(2);
  const Bytes wire = interleaved(pattern(4 * 512, 12), 0x1000);
  EXPECT_TRUE(bench.out(cdb_32({kWrite, code(1), 20, 4, 0x1000}), wire).good());
  EXPECT_EQ(bench.in(cdb_32({kRead, code(1), 20, 4, 0x1000}), wire.size()).data, wire);
  expect_check(bench.in(cdb_32({kRead, code(1), 20, 4, 0x1001}), wire.size()), kLogicalBlockReferenceTagCheckFailed,
               20);
  expect_check(bench.in(cdb_32({kRead, 0, 20, 4, 0x1001}), 2048), kLogicalBlockReferenceTagCheckFailed, 20);
  EXPECT_TRUE(bench.in(cdb_32({kRead, code(3), 20, 4, 0x1001}), wire.size()).good());
  EXPECT_TRUE(bench.in(cdb_32({kRead, code(1), 22, 1, 0x1002}), 520).good());
  expect_check(bench.out(cdb_32({kWrite, code(1), 20, 4, 0x0fff}), wire), kLogicalBlockReferenceTagCheckFailed, 20);
  EXPECT_TRUE(bench.run(cdb_32({kVerify, code(1), 20, 4, 0x1000})).good());
  expect_check(bench.run(cdb_32({kVerify, code(1), 20, 4, 7})), kLogicalBlockReferenceTagCheckFailed, 20);
  EXPECT_TRUE(bench.out(cdb_32({kVerify, code(1, kCompareAll), 20, 4, 0x1000}), wire).good());
  EXPECT_TRUE(bench.out(cdb_32({kWriteAndVerify, code(1, kCompareAll), 30, 4, 0x1000}), wire).good());
  EXPECT_TRUE(bench.out(cdb_32({kWriteSame, code(1), 40, 9, 0x1000}), Bytes(wire.begin(), wire.begin() + 520)).good());
  EXPECT_TRUE(bench.in(cdb_32({kRead, code(1), 40, 9, 0x1000}), bench.wire(9)).good());
}

TEST_P(ProtectedType2, ApplicationTagIsCheckedUnderTheMaskIfItIsTheClients) {
  for (const bool owned : {false, true}) {
    ProtectedBench bench(2);
    if (owned) bench.own_application_tag();
    const Bytes wire = interleaved(pattern(512, 13), 0, 0x5a0f);
    EXPECT_TRUE(bench.out(cdb_32({kWrite, code(1), 3, 1, 0, 0x5aff, 0xff00}), wire).good());
    EXPECT_TRUE(bench.in(cdb_32({kRead, code(1), 3, 1, 0, 0x0f0f, 0x0fff & 0x00ff}), 520).good());
    const Reply read = bench.in(cdb_32({kRead, code(1), 3, 1, 0, 0x5b00, 0xff00}), 520);
    const Reply write = bench.out(cdb_32({kWrite, code(1), 3, 1, 0, 0x5b00, 0xff00}), wire);
    EXPECT_TRUE(bench.in(cdb_32({kRead, code(4), 3, 1, 0, 0x5b00, 0xff00}), 520).good());
    if (owned) {
      expect_check(read, kLogicalBlockApplicationTagCheckFailed, 3);
      expect_check(write, kLogicalBlockApplicationTagCheckFailed, 3);
    } else {
      EXPECT_TRUE(read.good() && write.good()) << "the fields are ignored";
    }
  }
}

TEST_P(ProtectedType2, ShorterCdbsHaveNoProtectionFields) {
  ProtectedBench bench(2);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 1), Bytes(512)).good());
  EXPECT_TRUE(bench.in(cdb_16(0x88, 0, 0, 1), 512).good());
  EXPECT_TRUE(bench.in(cdb_32({kRead, 0, 0, 1, 77}), 512).good()) << "written without: not checked";
  for (unsigned protect = 1; protect < 6; ++protect) {
    expect_check(bench.in(cdb_10(0x28, code(protect), 0, 1), 520), kInvalidCommandOperationCode);
    expect_check(bench.out(cdb_16(0x8a, code(protect), 0, 1), Bytes(520)), kInvalidCommandOperationCode);
  }
}

TEST_P(ProtectedType2, LongCdbsAreOfThisTypeAlone) {
  for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{3}}) {
    ProtectedBench bench(type);
    expect_check(bench.in(cdb_32({kRead, code(1), 0, 1, 0}), 520), kInvalidCommandOperationCode);
  }
  ProtectedBench bench(2);
  Cdb cdb = cdb_32({kRead, code(1), 0, 1, 0});
  cdb[7] = 0x10;
  expect_invalid_cdb(bench.in(cdb, 520), 7);
  cdb[7] = 0x18, cdb[11] = 1;
  expect_invalid_cdb(bench.in(cdb, 520), 11, 0);
  cdb.resize(28);
  expect_check(bench.in(cdb, 520), kInvalidFieldInCdb);
  expect_check(bench.in(cdb_32({0x11, 0, 0, 1, 0}), 520), kInvalidFieldInCdb);
  expect_invalid_cdb(bench.in(cdb_32({kRead, code(6), 0, 1, 0}), 520), 10, 7);
}

TEST(ProtectedOpcodes, RowsAreThoseOfAnyDiskAndMore) {
  for (const bool thin : {true, false}) {
    const auto plain = disk::opcodes(thin).rows();
    EXPECT_EQ(disk::opcodes(thin, 1).rows().size(), plain.size() - 1) << "no ORWRITE";
    EXPECT_EQ(disk::opcodes(thin, 2).rows().size(), plain.size() + 4);
    for (const OpcodeRow& row : disk::opcodes(thin, 2).rows()) {
      const bool writes = (row.flags & kWritesMedium) != 0;
      EXPECT_EQ(writes && row.serial < Serial::kExclusiveRange, false) << row.name;
      if (row.length != 32) continue;
      EXPECT_EQ(row.usage[7], 0x18) << row.name;
      EXPECT_EQ(row.usage[9], row.service_action) << row.name;
      EXPECT_EQ(row.usage[10] & 0xe0, 0xe0) << row.name;
      if (row.service_action == kWriteSame) {
        EXPECT_EQ((row.usage[10] & kUnmapFlag) != 0, thin);
      }
    }
  }
}

TEST(ProtectedOpcodes, AreToldWithTheirUsage) {
  ProtectedBench bench(2);
  const Reply reply = bench.in({0xa3, 0x0c, 0x03, 0x7f, 0, 0x0b, 0, 0, 1, 0, 0, 0}, 256);
  ASSERT_EQ(reply.data.size(), 36u);
  EXPECT_EQ(number(reply.data, 1, 1), 3u);
  EXPECT_EQ(number(reply.data, 2, 2), 32u);
  EXPECT_EQ(number(reply.data, 4 + 7, 4), 0x18000bf8u);
}

}  // namespace
}  // namespace scsi
