// Every cell of the RDPROTECT, WRPROTECT and VRPROTECT tables (SBC-4 5.11, 5.38, 5.34), typed in from the standard's
// side: code by code, field by field; and the escapes and tags of the three types.
#include "scsi_core/disk/protection.h"

#include <gtest/gtest.h>

#include "scsi_core/sense_codes.h"

namespace scsi::disk {
namespace {

struct Row {
  std::uint8_t code;
  Checks checks;
};
constexpr bool Y = true, n = false;

TEST(ProtectionTables, MediumIsCheckedAsRdprotectSays) {
  constexpr Row kRows[] = {{0, {Y, Y, Y}}, {1, {Y, Y, Y}}, {2, {n, Y, Y}},
                           {3, {n, n, n}}, {4, {Y, n, n}}, {5, {Y, Y, Y}}};
  for (const Row& row : kRows) EXPECT_EQ(checks_of_medium(row.code), row.checks) << int{row.code};
}

TEST(ProtectionTables, DataOutIsCheckedAsWrprotectSays) {
  constexpr Row kRows[] = {{0, {n, n, n}}, {1, {Y, Y, Y}}, {2, {n, Y, Y}},
                           {3, {n, n, n}}, {4, {Y, n, n}}, {5, {Y, Y, Y}}};
  for (const Row& row : kRows) EXPECT_EQ(checks_of_data_out(row.code), row.checks) << int{row.code};
}

TEST(ProtectionTables, WhatVerifyComparesIsCheckedWithoutACodeOnly) {
  constexpr Row kRows[] = {{0, {Y, Y, Y}}, {1, {n, n, n}}, {2, {n, n, n}},
                           {3, {n, n, n}}, {4, {n, n, n}}, {5, {n, n, n}}};
  for (const Row& row : kRows) EXPECT_EQ(checks_of_compared(row.code), row.checks) << int{row.code};
}

TEST(ProtectionTables, VerifyComparesFieldsByCodeTypeAndOwner) {
  struct Compared {
    std::uint8_t code;
    bool type_3, owned;
    Checks fields;
  };
  constexpr Compared kRows[] = {
      {0, n, n, {n, n, n}}, {0, n, Y, {n, n, n}}, {0, Y, n, {n, n, n}}, {0, Y, Y, {n, n, n}}, {1, n, n, {Y, n, Y}},
      {1, n, Y, {Y, Y, Y}}, {1, Y, n, {Y, n, Y}}, {1, Y, Y, {Y, Y, n}}, {2, n, n, {n, n, Y}}, {2, n, Y, {n, Y, Y}},
      {2, Y, n, {n, n, Y}}, {2, Y, Y, {n, Y, n}}, {3, n, n, {Y, n, Y}}, {3, n, Y, {Y, Y, Y}}, {3, Y, n, {Y, n, Y}},
      {3, Y, Y, {Y, Y, n}}, {4, n, n, {Y, n, Y}}, {4, n, Y, {Y, Y, Y}}, {4, Y, n, {Y, n, Y}}, {4, Y, Y, {Y, Y, n}},
      {5, n, n, {Y, n, Y}}, {5, n, Y, {Y, Y, Y}}, {5, Y, n, {Y, n, Y}}, {5, Y, Y, {Y, Y, Y}},
  };
  for (const Compared& row : kRows) {
    for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
      if ((type == 3) != row.type_3) continue;
      EXPECT_EQ(compared_fields(row.code, type, row.owned), row.fields) << int{row.code} << " type " << int{type};
    }
  }
}

constexpr Checks kAll{true, true, true};
const ProtectionTuple kGood{0x1234, 0x0042, 0x1000};
Expectation expects(std::uint8_t type) { return {type, 0x0fff, 0x0040, 0x00f0}; }

TEST(ProtectionChecks, EachFieldFailsWithItsOwnCodeAndOnlyIfItIsChecked) {
  const auto failed = [](std::uint16_t guard, std::uint16_t application, std::uint32_t reference, Checks checks) {
    return failed_check({guard, application, reference}, 0x1234, expects(2), 1, checks);
  };
  EXPECT_EQ(failed(0x1234, 0x0042, 0x1000, kAll), std::nullopt);
  EXPECT_EQ(failed(0x1235, 0x0042, 0x1000, kAll), kLogicalBlockGuardCheckFailed);
  EXPECT_EQ(failed(0x1235, 0x0042, 0x1000, {false, true, true}), std::nullopt);
  EXPECT_EQ(failed(0x1234, 0x0052, 0x1000, kAll), kLogicalBlockApplicationTagCheckFailed);
  EXPECT_EQ(failed(0x1234, 0x0f4f, 0x1000, kAll), std::nullopt) << "outside the mask";
  EXPECT_EQ(failed(0x1234, 0x0052, 0x1000, {true, false, true}), std::nullopt);
  EXPECT_EQ(failed(0x1234, 0x0042, 0x0fff, kAll), kLogicalBlockReferenceTagCheckFailed);
  EXPECT_EQ(failed(0x1234, 0x0042, 0x0fff, {true, true, false}), std::nullopt);
  EXPECT_EQ(failed(0x1235, 0x0052, 0x0fff, kAll), kLogicalBlockGuardCheckFailed);
}

TEST(ProtectionChecks, WhatIsNotKnownIsNotChecked) {
  EXPECT_EQ(failed_check({0x1234, 0x7777, 0x9999}, 0x1234, {3, std::nullopt, 0, 0}, 0, kAll), std::nullopt);
}

TEST(ProtectionChecks, ReferenceTagsWrap) {
  const Expectation last{1, 0xffff'ffff, 0, 0};
  EXPECT_EQ(failed_check({1, 0, 0xffff'ffff}, 1, last, 0, kAll), std::nullopt);
  EXPECT_EQ(failed_check({1, 0, 0}, 1, last, 1, kAll), std::nullopt);
}

TEST(ProtectionChecks, EscapesOfTheTypes) {
  const ProtectionTuple application{0, 0xffff, 0}, both{0, 0xffff, 0xffff'ffff}, reference{0, 0, 0xffff'ffff};
  for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
    EXPECT_EQ(unchecked(application, type), type != 3) << int{type};
    EXPECT_TRUE(unchecked(both, type)) << int{type};
    EXPECT_FALSE(unchecked(reference, type)) << int{type};
    EXPECT_FALSE(unchecked(kGood, type)) << int{type};
  }
}

TEST(ProtectionMade, WithoutWrprotectTheTagsAreTheTypesAndTheOwners) {
  EXPECT_EQ(generated(7, 1, false, 0x1'2345'6789), (ProtectionTuple{7, 0, 0x2345'6789}));
  EXPECT_EQ(generated(7, 1, true, 5), (ProtectionTuple{7, 0xffff, 5}));
  EXPECT_EQ(generated(7, 2, false, 5), (ProtectionTuple{7, 0xffff, 0xffff'ffff}));
  EXPECT_EQ(generated(7, 3, false, 5), (ProtectionTuple{7, 0, 0xffff'ffff}));
  EXPECT_EQ(generated(7, 3, true, 5), (ProtectionTuple{7, 0xffff, 0xffff'ffff}));
}

TEST(ProtectionMade, WriteSameCountsReferenceTagsOn) {
  EXPECT_EQ(repeated(kGood, 1, 3), (ProtectionTuple{0x1234, 0x0042, 0x1003}));
  EXPECT_EQ(repeated(kGood, 2, 3), (ProtectionTuple{0x1234, 0x0042, 0x1003}));
  EXPECT_EQ(repeated(kGood, 3, 3), kGood);
  const ProtectionTuple ones{0xffff, 0xffff, 0xffff'ffff};
  EXPECT_EQ(repeated(ones, 1, 3), ones);
}

}  // namespace
}  // namespace scsi::disk
