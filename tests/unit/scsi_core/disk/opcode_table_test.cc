// The disk's opcode table says the same thing everywhere: sorted, lookups find each row and nothing else.
#include "scsi_core/disk/opcode_table.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "scsi_core/disk/commands.h"

namespace scsi {
namespace {

std::array<std::uint8_t, 260> cdb_of(std::uint8_t opcode, std::uint8_t service_action = 0) {
  std::array<std::uint8_t, 260> cdb{};
  cdb[0] = opcode;
  cdb[1] = service_action;
  return cdb;
}

TEST(DiskOpcodeTable, FindsEachRowByOpcodeAndServiceActionAndNothingElse) {
  for (const bool thin : {true, false}) {
    const OpcodeTable& table = disk::opcodes(thin);
    std::size_t found = 0;
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
      const OpcodeRow* last = nullptr;
      for (unsigned action = 0; action < 32; ++action) {
        const auto cdb = cdb_of(static_cast<std::uint8_t>(opcode), static_cast<std::uint8_t>(action));
        bool bad = false;
        const OpcodeRow* row = table.find(cdb.data(), 16, bad);
        if (row == nullptr) continue;
        EXPECT_FALSE(bad);
        EXPECT_EQ(row->opcode, opcode);
        if (row->sa_byte != 0) {
          EXPECT_EQ(row->service_action, action);
        }
        if (row != last) ++found;
        last = row;
      }
    }
    EXPECT_EQ(found, table.rows().size());
  }
}

TEST(DiskOpcodeTable, UnknownServiceActionIsToldApartFromUnknownOpcode) {
  bool bad = false;
  EXPECT_EQ(disk::opcodes(true).find(cdb_of(0x9e, 0x13).data(), 16, bad), nullptr);
  EXPECT_TRUE(bad);
  EXPECT_EQ(disk::opcodes(true).find(cdb_of(0x83).data(), 16, bad), nullptr);
  EXPECT_FALSE(bad);
}

TEST(DiskOpcodeTable, UsageBeginsWithTheOpcodeAndHoldsTheServiceAction) {
  for (const OpcodeRow& row : disk::opcodes(true).rows()) {
    EXPECT_EQ(row.usage[0], row.opcode) << row.name;
    if (row.sa_byte == 1) {
      EXPECT_EQ(row.usage[1] & 0x1f, row.service_action) << row.name;
    }
    EXPECT_EQ(row.usage[row.length - 1u], 0) << row.name << ": NACA and the reserved bits of CONTROL";
    for (std::size_t i = row.length; i < row.usage.size(); ++i) EXPECT_EQ(row.usage[i], 0) << row.name;
    EXPECT_GT(row.recommended_timeout, 0u) << row.name;
  }
}

TEST(DiskOpcodeTable, CdbLengthFollowsTheGroupOfTheOpcode) {
  constexpr std::array<unsigned, 8> kLengths = {6, 10, 10, 0, 16, 12, 0, 0};  // SPC-5 4.2.5.1
  for (const OpcodeRow& row : disk::opcodes(true).rows()) EXPECT_EQ(row.length, kLengths[row.opcode >> 5]) << row.name;
}

TEST(DiskOpcodeTable, ProtectionAndAnchorBitsAreRefused) {
  const OpcodeTable& table = disk::opcodes(true);
  for (const int opcode :
       {0x28, 0x2a, 0x2e, 0x2f, 0x41, 0x88, 0x89, 0x8a, 0x8b, 0x8e, 0x8f, 0x93, 0x9c, 0xa8, 0xaa, 0xae, 0xaf}) {
    bool bad = false;
    const OpcodeRow* row = table.find(cdb_of(static_cast<std::uint8_t>(opcode)).data(), 16, bad);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->usage[1] & 0xe0, 0) << row->name;
    if (opcode == 0x41 || opcode == 0x93) {
      EXPECT_EQ(row->usage[1] & 0x10, 0) << row->name << " ANCHOR";
    }
  }
}

TEST(DiskOpcodeTable, WhatWritesIsWriteProtectedAndOrdered) {
  for (const OpcodeRow& row : disk::opcodes(true).rows()) {
    const bool writes = (row.flags & kWritesMedium) != 0;
    if (writes) {
      EXPECT_EQ(row.conflict, Conflict::kWrite) << row.name;
      EXPECT_TRUE(row.serial == Serial::kWrite || row.serial == Serial::kExclusiveRange) << row.name;
      EXPECT_EQ(row.direction, DataDirection::kOut) << row.name;
      EXPECT_NE(row.flags & kNeedsMedium, 0) << row.name;
    }
  }
}

Extent extent_of(std::initializer_list<std::uint8_t> bytes) {
  std::array<std::uint8_t, 260> cdb{};
  std::copy(bytes.begin(), bytes.end(), cdb.begin());
  bool bad = false;
  const OpcodeRow* row = disk::opcodes(true).find(cdb.data(), static_cast<std::uint16_t>(bytes.size()), bad);
  return row == nullptr || row->extent == nullptr ? Extent{~0ull, ~0ull} : row->extent(cdb.data());
}
void expect_extent(const Extent& e, std::uint64_t lba, std::uint64_t blocks) {
  EXPECT_EQ(e.lba, lba);
  EXPECT_EQ(e.blocks, blocks);
}

TEST(DiskOpcodeTable, ExtentsComeFromTheRightBytes) {
  expect_extent(extent_of({0x08, 0x1f, 0x02, 0x03, 0x04, 0}), 0x1f0203, 4);
  expect_extent(extent_of({0x0a, 0, 0, 7, 0, 0}), 7, 256);
  expect_extent(extent_of({0x28, 0, 1, 2, 3, 4, 0, 5, 6, 0}), 0x01020304, 0x0506);
  expect_extent(extent_of({0xaa, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0}), 0x01020304, 0x05060708);
  expect_extent(extent_of({0x8a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0}), 0x0102030405060708, 0x090a0b0c);
  expect_extent(extent_of({0x89, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0}), 0x0102030405060708, 9);
  expect_extent(extent_of({0x9c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 10, 0, 0}), 0x0102030405060708, 0x090a);
  expect_extent(extent_of({0x35, 0, 0, 0, 0, 4, 0, 0, 0, 0}), 4, ~std::uint64_t{0} - 4);
  expect_extent(extent_of({0x93, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0}), 4, 3);
}

TEST(DiskOpcodeTable, WithoutProvisioningNothingUnmaps) {
  std::set<std::uint8_t> opcodes;
  for (const OpcodeRow& row : disk::opcodes(false).rows()) {
    opcodes.insert(row.opcode);
    EXPECT_NE(row.enter, &disk::get_lba_status);
    if (row.enter == &disk::write_same) {
      EXPECT_EQ(row.usage[1] & 0x08, 0) << row.name << " UNMAP bit";
    }
  }
  EXPECT_FALSE(opcodes.contains(0x42));
  EXPECT_TRUE(opcodes.contains(0x9e));
}

TEST(DiskOpcodeTable, EmptyLunAnswersWhatTheStandardAsks) {
  std::set<std::uint8_t> any, well_known;
  for (const OpcodeRow& row : no_logical_unit_opcodes().rows()) {
    if (row.flags & kAnyLogicalUnit) any.insert(row.opcode);
    if (row.flags & kWellKnown) well_known.insert(row.opcode);
    EXPECT_EQ(row.flags & kNeedsMedium, 0);
  }
  EXPECT_EQ(any, (std::set<std::uint8_t>{0x03, 0x12, 0xa0}));
  EXPECT_EQ(well_known, (std::set<std::uint8_t>{0x00, 0x03, 0x12, 0xa0}));
}

}  // namespace
}  // namespace scsi
