// Unit tests of sense data encoding; the byte places are those of SPC-5 tables 28 (descriptor) and 48 (fixed).
#include "scsi_core/sense.h"

#include <gtest/gtest.h>

#include <array>

#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

std::vector<std::uint8_t> encoded(const Sense& sense, bool descriptor) {
  std::array<std::byte, Sense::kMaxSize> out{};
  const std::size_t size = sense.encode(descriptor, out);
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(out[i]));
  return bytes;
}

TEST(Sense, FixedFormatIsEighteenBytes) {
  const auto bytes = encoded(Outcome::check(kUnrecoveredReadError, 0x01020304).sense, false);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0xf0, 0, 0x03, 1, 2, 3, 4, 10, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0}));
}

TEST(Sense, FixedFormatSaysNotValidWhenInformationHasMoreThan32Bits) {
  const auto bytes = encoded(Outcome::check(kUnrecoveredReadError, 0x100000000).sense, false);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0x70, 0, 0x03, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0}));
}

TEST(Sense, FixedFormatPointsAtTheFieldInError) {
  const auto cdb = encoded(Outcome::invalid_cdb_field(1, 7).sense, false);
  EXPECT_EQ(cdb, (std::vector<std::uint8_t>{0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0xcf, 0, 1}));
  const auto list = encoded(Outcome::invalid_parameter(0x102).sense, false);
  EXPECT_EQ(list, (std::vector<std::uint8_t>{0x70, 0, 0x05, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0, 0, 0x80, 1, 2}));
}

TEST(Sense, DescriptorFormatCarriesInformationOf64Bits) {
  const auto bytes = encoded(Outcome::check(kWriteError, 0x0102030405060708).sense, true);
  EXPECT_EQ(bytes,
            (std::vector<std::uint8_t>{0x72, 0x03, 0x0c, 0, 0, 0, 0, 12, 0, 0x0a, 0x80, 0, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Sense, DescriptorFormatPointsAtTheFieldInError) {
  const auto bytes = encoded(Outcome::invalid_cdb_field(10, 2).sense, true);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0x72, 0x05, 0x24, 0, 0, 0, 0, 8, 0x02, 0x06, 0, 0, 0xca, 0, 10, 0}));
}

TEST(Sense, DeferredErrorsAndProgressHaveTheirOwnForms) {
  Sense sense{.code = kFormatInProgress, .deferred = true, .progress_valid = true, .progress = 0x8001};
  const auto fixed = encoded(sense, false);
  EXPECT_EQ(fixed[0], 0x71);
  EXPECT_EQ(fixed[15], 0x80);
  EXPECT_EQ(fixed[16], 0x80);
  EXPECT_EQ(fixed[17], 0x01);
  EXPECT_EQ(encoded(sense, true)[0], 0x73);
}

}  // namespace
}  // namespace scsi
