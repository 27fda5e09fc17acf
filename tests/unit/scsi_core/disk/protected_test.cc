// READ and WRITE of a unit with protection information: what is sent, generated, kept, checked, and what it says of
// itself (SBC-4 4.21).
#include "tests/unit/scsi_core/disk/protected_bench.h"

namespace scsi {
namespace {

class ProtectedDisk : public InCoreAndPort {};
INSTANTIATE_TEST_SUITE_P(By, ProtectedDisk, testing::Bool(), who_does);

TEST_P(ProtectedDisk, TellsItsTypeAndWhatItChecks) {
  struct Told {
    std::uint8_t type;
    unsigned extended, capacity;
  };
  for (const Told& told : {Told{1, 0x05, 0x01}, Told{2, 0x17, 0x03}, Told{3, 0x24, 0x05}}) {
    ProtectedBench bench(told.type);
    EXPECT_EQ(number(bench.in({0x12, 0, 0, 0, 96, 0}, 96).data, 5, 1), 1u);                // PROTECT
    EXPECT_EQ(number(bench.in({0x12, 1, 0x86, 0, 64, 0}, 64).data, 4, 1), told.extended);  // SPT and the checks
    const Bytes capacity = bench.in(cdb_16(0x9e, 0x10, 0, 32), 32).data;
    EXPECT_EQ(number(capacity, 12, 1), told.capacity);  // P_TYPE, PROT_EN
    EXPECT_EQ(number(capacity, 13, 1) >> 4, 0u);        // P_I_EXPONENT
    EXPECT_EQ(number(bench.in({0x1a, 0x08, 0x4a, 0, 255, 0}, 255).data, 4 + 5, 1), 0xc0u) << "ATO may change";
  }
}

TEST_P(ProtectedDisk, WhatWasNeverWrittenReadsAsNotChecked) {
  for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{3}}) {
    ProtectedBench bench(type);
    const Reply reply = bench.in(cdb_10(0x28, code(1), 100, 2), bench.wire(2));
    ASSERT_TRUE(reply.good());
    ASSERT_EQ(reply.data.size(), 1040u);
    EXPECT_EQ(block_of(reply.data, 0), Bytes(512));
    EXPECT_EQ(tuple_in(reply.data, 0), Tuple());
    EXPECT_EQ(tuple_in(reply.data, 1), Tuple());
    EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 100, 2), 1024).good());
  }
}

TEST_P(ProtectedDisk, InformationIsGeneratedForWhoSendsNone) {
  const Bytes data = pattern(3 * 512, 1);
  for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
    for (const bool owned : {false, true}) {
      ProtectedBench bench(type);
      if (owned) bench.own_application_tag();
      EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 7, 3), data).good());
      EXPECT_EQ(bench.in(cdb_10(0x28, 0, 7, 3), data.size()).data, data);
      const Cdb check_nothing = type == 2 ? cdb_32({0x09, code(3), 7, 3, 0}) : cdb_10(0x28, code(3), 7, 3);
      const Bytes wire = bench.in(check_nothing, bench.wire(3)).data;
      for (std::uint32_t i = 0; i < 3; ++i) {
        const Bytes block = block_of(data, i);
        const std::uint16_t application = owned || type == 2 ? 0xffff : 0;
        EXPECT_EQ(tuple_in(wire, i), tuple_for(block, type == 1 ? 7 + i : 0xffff'ffff, application)) << int{type};
      }
    }
  }
}

TEST_P(ProtectedDisk, WhatIsSentIsKeptAndReadBack) {
  for (const std::uint32_t size : {512u, 4096u}) {
    ProtectedBench bench(1, size);
    const Bytes wire = interleaved(pattern(5 * size, 2), 40, 0xbeef, size);
    EXPECT_TRUE(bench.out(cdb_16(0x8a, code(1), 40, 5), wire).good());
    EXPECT_EQ(bench.in(cdb_12(0xa8, code(1), 40, 5), wire.size()).data, wire);
    EXPECT_EQ(bench.in(cdb_10(0x28, code(5), 40, 5), wire.size()).data, wire);
    EXPECT_EQ(bench.in(cdb_6(0x08, 40, 5), 5 * size).data.size(), 5 * size);
  }
}

TEST_P(ProtectedDisk, LongTransfersGoInPartsAndKeepTheirOrder) {
  ProtectedBench bench(1);
  const std::uint32_t blocks = 1500;  // three parts
  const Bytes wire = interleaved(pattern(blocks * 512, 3), 11);
  EXPECT_TRUE(bench.out(cdb_16(0x8a, code(1), 11, blocks), wire).good());
  EXPECT_TRUE(bench.in(cdb_16(0x88, code(1), 11, blocks), wire.size()).data == wire);
  const Bytes data = pattern(blocks * 512, 4);
  EXPECT_TRUE(bench.out(cdb_16(0x8a, 0, 11, blocks), data).good());
  EXPECT_TRUE(bench.in(cdb_16(0x88, code(1), 11, blocks), wire.size()).data == interleaved(data, 11));
}

TEST_P(ProtectedDisk, TransfersAreThePortsAffairIfItOffersThat) {
  ProtectedBench bench(1);
  const Bytes wire = interleaved(pattern(8 * 512, 3), 0);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, code(1), 0, 8), wire).good());
  EXPECT_TRUE(bench.in(cdb_10(0x28, code(1), 0, 8), wire.size()).good());
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 8), pattern(8 * 512, 4)).good());
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 0, 8), 8 * 512).good());
  EXPECT_EQ(bench.target().port().offloaded, GetParam() ? 4u : 0u);
  EXPECT_TRUE(bench.in(cdb_10(0x28, code(1), 0, 8), 1000).good()) << "part of a block is the core's";
  EXPECT_EQ(bench.target().port().offloaded, GetParam() ? 4u : 0u);
}

TEST_P(ProtectedDisk, WritesAreCheckedByTheCode) {
  const Bytes block = pattern(512, 5);
  struct Wrong {
    Tuple tuple;
    SenseCode code;
    bool fails[6];  // by WRPROTECT; 0 sends none
  };
  const Tuple good = tuple_for(block, 21);
  const Wrong kWrong[] = {
      {good, {}, {false, false, false, false, false, false}},
      {{static_cast<std::uint16_t>(good.guard ^ 1), 0, 21},
       kLogicalBlockGuardCheckFailed,
       {false, true, false, false, true, true}},
      {{good.guard, 0, 22}, kLogicalBlockReferenceTagCheckFailed, {false, true, true, false, false, true}},
      {{static_cast<std::uint16_t>(good.guard ^ 1), 0xffff, 22}, {}, {false, false, false, false, false, false}},
  };
  for (const Wrong& wrong : kWrong) {
    for (unsigned protect = 1; protect < 6; ++protect) {
      ProtectedBench bench(1);
      Bytes wire = interleaved(pattern(512, 6), 20);
      append(wire, block, wrong.tuple);
      const Reply reply = bench.out(cdb_10(0x2a, code(protect), 20, 2), wire);
      if (wrong.fails[protect]) {
        expect_check(reply, wrong.code, 21);
        EXPECT_EQ(bench.in(cdb_10(0x28, code(3), 20, 2), bench.wire(2)).data.size(), bench.wire(2));
        EXPECT_EQ(block_of(bench.in(cdb_10(0x28, 0, 20, 2), 1024).data, 1), Bytes(512)) << "nothing is written";
      } else {
        EXPECT_TRUE(reply.good()) << protect;
        EXPECT_EQ(bench.raw(20, 2), wire);
      }
    }
  }
}

TEST_P(ProtectedDisk, ReadsAreCheckedByTheCode) {
  const Bytes block = pattern(512, 7);
  const Tuple good = tuple_for(block, 31);
  struct Wrong {
    Tuple tuple;
    SenseCode code;
    bool fails[6];  // by RDPROTECT
  };
  const Wrong kWrong[] = {
      {good, {}, {}},
      {{static_cast<std::uint16_t>(good.guard ^ 0x8000), 0, 31},
       kLogicalBlockGuardCheckFailed,
       {true, true, false, false, true, true}},
      {{good.guard, 0, 30}, kLogicalBlockReferenceTagCheckFailed, {true, true, true, false, false, true}},
      {{0, 0xffff, 0}, {}, {}},
  };
  for (const Wrong& wrong : kWrong) {
    ProtectedBench bench(1);
    bench.plant(31, block, wrong.tuple);
    for (unsigned protect = 0; protect < 6; ++protect) {
      const Reply reply = bench.in(cdb_10(0x28, code(protect), 30, 2), protect == 0 ? 1024 : bench.wire(2));
      if (wrong.fails[protect]) {
        expect_check(reply, wrong.code, 31);
        EXPECT_TRUE(reply.data.empty());
      } else {
        EXPECT_TRUE(reply.good()) << protect;
      }
    }
  }
}

TEST_P(ProtectedDisk, Type3ChecksTheGuardAndBothEscapes) {
  ProtectedBench bench(3);
  const Bytes block = pattern(512, 8);
  const std::uint16_t guard = crc_of_t10(block);
  const auto read = [&] { return bench.in(cdb_10(0x28, code(1), 5, 1), bench.wire(1)); };
  bench.plant(5, block, {guard, 0x1234, 0x9999});
  EXPECT_TRUE(read().good()) << "no tag is known";
  bench.plant(5, block, {static_cast<std::uint16_t>(~guard), 0xffff, 0x9999});
  expect_check(read(), kLogicalBlockGuardCheckFailed, 5);
  bench.plant(5, block, {static_cast<std::uint16_t>(~guard), 0xffff, 0xffff'ffff});
  EXPECT_TRUE(read().good());
}

TEST_P(ProtectedDisk, ResidualsCountWhatIsOnTheWire) {
  ProtectedBench bench(1);
  const Bytes wire = interleaved(pattern(4 * 512, 9), 0);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, code(1), 0, 4), wire).good());
  Reply reply = bench.in(cdb_10(0x28, code(1), 0, 4), 2048);
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.residual, Response::Residual::kOverflow);
  EXPECT_EQ(reply.residual_count, 32u);
  EXPECT_EQ(reply.data, Bytes(wire.begin(), wire.begin() + 2048));
  reply = bench.in(cdb_10(0x28, code(1), 0, 4), 2080 + 100);
  EXPECT_EQ(reply.residual, Response::Residual::kUnderflow);
  EXPECT_EQ(reply.residual_count, 100u);
  reply = bench.out(cdb_10(0x2a, code(1), 8, 4), interleaved(pattern(2 * 512, 9), 8));
  EXPECT_TRUE(reply.good()) << "whole blocks of what comes";
  EXPECT_EQ(reply.residual_count, 1040u);
  EXPECT_EQ(bench.raw(8, 4).size(), bench.wire(4));
  expect_check(bench.out(cdb_10(0x2a, code(1), 8, 4), pattern(1024, 9)), kInvalidFieldInCommandInformationUnit);
}

TEST_P(ProtectedDisk, ReservedCodesAndUnprotectedUnitsAreRefused) {
  ProtectedBench bench(1);
  for (const unsigned protect : {6u, 7u}) {
    expect_invalid_cdb(bench.in(cdb_10(0x28, code(protect), 0, 1), 520), 1, 7);
    expect_invalid_cdb(bench.out(cdb_16(0x8a, code(protect), 0, 1), Bytes(520)), 1, 7);
    expect_invalid_cdb(bench.run(cdb_10(0x2f, code(protect), 0, 1)), 1, 7);
    expect_invalid_cdb(bench.out(cdb_10(0x41, code(protect), 0, 1), Bytes(520)), 1, 7);
    expect_invalid_cdb(bench.out(compare_and_write_cdb(0, 1, code(protect)), Bytes(1040)), 1, 7);
  }
  Bench plain;
  for (unsigned protect = 1; protect < 8; ++protect) {
    expect_check(plain.in(cdb_10(0x28, code(protect), 0, 1), 520), kInvalidFieldInCdb);
  }
}

TEST_P(ProtectedDisk, OutOfRangeIsToldBeforeAnyCheck) {
  ProtectedBench bench(1, 512, 100);
  expect_check(bench.in(cdb_10(0x28, code(1), 99, 2), bench.wire(2)), kLogicalBlockAddressOutOfRange, 100);
  expect_check(bench.out(cdb_10(0x2a, code(1), 100, 1), Bytes(520)), kLogicalBlockAddressOutOfRange, 100);
}

TEST_P(ProtectedDisk, AResizeLeavesNoOldInformationBehind) {
  ProtectedBench bench(1, 512, 200);
  EXPECT_TRUE(bench.out(cdb_10(0x2a, 0, 0, 200), pattern(200 * 512, 10)).good());
  for (const std::uint64_t blocks : {101u, 300u}) {
    EXPECT_TRUE(
        bench.target().wait([&](Done done) { bench.target().core().resize_lu("disk", blocks, done); }).has_value());
    bench.target().clear_attentions(bench.host());
  }
  const Bytes wire = bench.in(cdb_10(0x28, code(1), 100, 200), bench.wire(200)).data;
  ASSERT_EQ(wire.size(), bench.wire(200));
  EXPECT_NE(tuple_in(wire, 0), Tuple());
  for (std::size_t i = 1; i < 200; ++i) ASSERT_EQ(tuple_in(wire, i), Tuple()) << i;
}

// Readers never see the data of one write beside the information of another: what writes holds its blocks.
TEST_P(ProtectedDisk, OverlappingReadsAndWritesOfTwoReactorsAreWhole) {
  ProtectedBench bench(1, 512, 16384, 2);
  LoopNexus& other = bench.login("iqn.2026-01.test:other", 1);
  std::vector<test_support::LoopCommand*> reads;
  for (unsigned round = 0; round < 40; ++round) {
    const std::uint32_t lba = round % 3;
    bench.host().send({.cdb = cdb_10(0x2a, 0, lba, 4), .out = pattern(4 * 512, round)});
    other.send({.cdb = cdb_10(0x2a, code(1), lba, 4), .out = interleaved(pattern(4 * 512, 100 + round), lba)});
    reads.push_back(&bench.host().send({.cdb = cdb_10(0x28, code(1), 0, 8), .in = bench.wire(8)}));
    reads.push_back(&other.send({.cdb = cdb_10(0x28, 0, 0, 8), .in = 8 * 512}));
    bench.target().step();
  }
  bench.target().settle();
  for (const auto* read : reads) EXPECT_TRUE(read->reply.good());
}

}  // namespace
}  // namespace scsi
