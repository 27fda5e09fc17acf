// Mode parameter lists: what is accepted, what is refused with which field pointer, at every length.
#include "scsi_core/disk/mode_parameters.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"
#include "scsi_core/sense_codes.h"

namespace scsi::disk {
namespace {

using Bytes = std::vector<std::uint8_t>;

Outcome apply_list(const Bytes& list, ModePages::Image& image, bool ten = false, std::uint64_t blocks = 1000) {
  image = ModePages(true).defaults;
  // A buffer of exactly the list's size, so that the sanitizer sees a read past its end.
  const std::vector<std::byte> exact(reinterpret_cast<const std::byte*>(list.data()),
                                     reinterpret_cast<const std::byte*>(list.data()) + list.size());
  return apply_mode_parameters(exact, {.blocks = blocks, .block_size = 512, .ten = ten}, image);
}

Bytes page(std::uint8_t code) {
  const ModePage& p = *ModePages::find(code, 0);
  const ModePages::Image image = ModePages(true).defaults;
  return {image.begin() + p.at, image.begin() + p.at + p.length};
}
Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
const Bytes kHeader6 = {0, 0, 0, 0};
const Bytes kHeader10 = {0, 0, 0, 0, 0, 0, 0, 0};

void expect_invalid(const Outcome& outcome, std::uint16_t byte, int bit = -1) {
  EXPECT_EQ(outcome.status, Status::kCheckCondition);
  EXPECT_EQ(outcome.sense.code, kInvalidFieldInParameterList);
  EXPECT_EQ(outcome.sense.pointer, Sense::Pointer::kParameterList);
  EXPECT_EQ(outcome.sense.byte, byte);
  EXPECT_EQ(outcome.sense.bit_valid, bit >= 0);
  if (bit >= 0) {
    EXPECT_EQ(outcome.sense.bit, bit);
  }
}

TEST(ModeParameters, ChangeableBitsAreTaken) {
  ModePages::Image image;
  Bytes list = kHeader6 + page(0x0a) + page(0x08);
  list[4 + 2] = 0x04;       // D_SENSE
  list[4 + 4] = 0x28;       // UA_INTLCK_CTRL = 10b, SWP
  list[4 + 5] = 0x40;       // TAS
  list[4 + 12 + 2] = 0x00;  // WCE
  EXPECT_EQ(apply_list(list, image).status, Status::kGood);
  EXPECT_TRUE(mode::DescriptorSense::get(image));
  EXPECT_TRUE(mode::SoftwareWriteProtect::get(image));
  EXPECT_TRUE(mode::TaskAbortedStatus::get(image));
  EXPECT_EQ(mode::UnitAttentionInterlock::get(image), 2);
  EXPECT_FALSE(mode::WriteCacheEnabled::get(image));
}

TEST(ModeParameters, AnyOtherBitMustStayAsItIs) {
  for (const ModePage& p : ModePages::pages()) {
    if (p.subpage != 0) continue;
    for (std::size_t byte = 2; byte < p.length; ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        const std::uint8_t changeable = ModePages::changeable()[p.at + byte];
        Bytes list = kHeader6 + page(p.code);
        list[4 + byte] ^= static_cast<std::uint8_t>(1 << bit);
        ModePages::Image image;
        const Outcome outcome = apply_list(list, image);
        if (changeable >> bit & 1) {
          const bool reserved_interlock = p.code == 0x0a && byte == 4 && bit == 4;
          EXPECT_EQ(outcome.status == Status::kGood, !reserved_interlock) << int{p.code} << " " << byte << "." << bit;
        } else {
          expect_invalid(outcome, static_cast<std::uint16_t>(4 + byte), bit);
        }
      }
    }
  }
}

TEST(ModeParameters, SubpagesAreFoundByTheirOwnHeader) {
  const ModePage& p = *ModePages::find(0x0a, 1);
  const ModePages::Image defaults = ModePages(true).defaults;
  const Bytes extension(defaults.begin() + p.at, defaults.begin() + p.at + p.length);
  ModePages::Image image;
  EXPECT_EQ(apply_list(kHeader10 + extension, image, true).status, Status::kGood);
  Bytes changed = kHeader10 + extension;
  changed[8 + 5] = 0x01;
  expect_invalid(apply_list(changed, image, true), 8 + 5, 0);
  Bytes unknown = kHeader10 + extension;
  unknown[8 + 1] = 0x02;
  expect_invalid(apply_list(unknown, image, true), 8, 5);
  Bytes wrong_length = kHeader10 + extension;
  wrong_length[8 + 3] = 0x1b;
  expect_invalid(apply_list(wrong_length, image, true), 8 + 2);
}

TEST(ModeParameters, UnknownPagesAndWrongLengthsArePointedAt) {
  ModePages::Image image;
  expect_invalid(apply_list(kHeader6 + Bytes{0x02, 0x0e} + Bytes(14), image), 4, 5);
  expect_invalid(apply_list(kHeader6 + Bytes{0x3f, 0x0a} + Bytes(10), image), 4, 5);
  Bytes list = kHeader6 + page(0x08);
  list[5] = 0x11;
  expect_invalid(apply_list(list, image), 5);
}

TEST(ModeParameters, ListCutAnywhereIsALengthErrorOrEndsBetweenPages) {
  const Bytes full = Bytes{0, 0, 0, 8} + Bytes{0, 0, 0x03, 0xe8, 0, 0, 2, 0} + page(0x01) + page(0x08) + page(0x1c);
  for (std::size_t length = 0; length <= full.size(); ++length) {
    ModePages::Image image;
    const Outcome outcome = apply_list(Bytes(full.begin(), full.begin() + static_cast<std::ptrdiff_t>(length)), image);
    const bool between = length == 12 || length == 24 || length == 44 || length == 56;
    EXPECT_EQ(outcome.status == Status::kGood, between) << length;
    if (!between) {
      EXPECT_EQ(outcome.sense.code, kParameterListLengthError) << length;
    }
  }
}

TEST(ModeParameters, BlockDescriptorMaySayOnlyWhatIsSo) {
  ModePages::Image image;
  const auto with = [](const Bytes& descriptor) {
    return Bytes{0, 0, 0, static_cast<std::uint8_t>(descriptor.size())} + descriptor;
  };
  EXPECT_EQ(apply_list(with({0, 0, 0x03, 0xe8, 0, 0, 2, 0}), image).status, Status::kGood);
  EXPECT_EQ(apply_list(with({0, 0, 0, 0, 0, 0, 2, 0}), image).status, Status::kGood);
  EXPECT_EQ(apply_list(with({0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0}), image).status, Status::kGood);
  expect_invalid(apply_list(with({0, 0, 0x03, 0xe7, 0, 0, 2, 0}), image), 4);
  expect_invalid(apply_list(with({0, 0, 0, 0, 0, 0, 1, 0}), image), 9);  // 256 bytes (CVE-2023-42467)
  expect_invalid(apply_list(with({0, 0, 0, 0, 0, 0, 0, 0}), image), 9);
  expect_invalid(apply_list(with({0, 0, 0, 0, 0, 0, 2}), image), 3);
  expect_invalid(apply_list(with(Bytes(16)), image), 3);
}

TEST(ModeParameters, LongBlockDescriptorNeedsItsBit) {
  ModePages::Image image;
  const Bytes descriptor = {0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 2, 0};
  EXPECT_EQ(apply_list(Bytes{0, 0, 0, 0, 1, 0, 0, 16} + descriptor, image, true).status, Status::kGood);
  expect_invalid(apply_list(Bytes{0, 0, 0, 0, 0, 0, 0, 16} + descriptor, image, true), 6);
  expect_invalid(apply_list(Bytes{0, 0, 0, 0, 1, 0, 0, 8} + Bytes(8), image, true), 6);
  expect_invalid(apply_list(Bytes{0, 0, 0, 0, 1, 0, 0xff, 0xff} + descriptor, image, true), 6);
  Bytes wrong = Bytes{0, 0, 0, 0, 1, 0, 0, 16} + descriptor;
  wrong[8 + 14] = 1;
  expect_invalid(apply_list(wrong, image, true), 8 + 12);
}

TEST(ModeParameters, MediumTypeMustBeZero) {
  ModePages::Image image;
  expect_invalid(apply_list({0, 1, 0, 0}, image), 1);
  expect_invalid(apply_list({0, 0, 1, 0, 0, 0, 0, 0}, image, true), 2);
}

TEST(ModeParameters, RandomListsNeverReadPastTheEndNorTouchFixedBits) {
  base::SeededRandom random(7);
  for (int round = 0; round < 20000; ++round) {
    Bytes list(random.below(80));
    constexpr std::array<std::uint64_t, 6> kLikely = {0, 8, 10, 18, 28, 74};
    for (std::uint8_t& byte : list) {
      const bool likely = random.below(3) != 0;
      byte = static_cast<std::uint8_t>(likely ? kLikely[random.below(6)] : random.below(256));
    }
    ModePages::Image image;
    apply_list(list, image, round % 2 == 0);
    const ModePages::Image defaults = ModePages(true).defaults;
    for (std::size_t i = 0; i < image.size(); ++i) {
      EXPECT_EQ((image[i] ^ defaults[i]) & ~ModePages::changeable()[i] & 0xff, 0) << i;
    }
  }
}

TEST(ModePagesRecord, SavedPagesComeBack) {
  const ModePages modes(true);
  ModePages::Image image = modes.defaults;
  image[mode::WriteCacheEnabled::kAt] = 0;
  image[mode::SoftwareWriteProtect::kAt] = 0x08;
  const auto decoded = modes.decode(modes.encode(image));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, image);
}

TEST(ModePagesRecord, OnlyChangeableBitsAreTaken) {
  const ModePages modes(true);
  auto record = modes.encode(modes.defaults);
  for (std::size_t i = 4; i < record.size(); ++i)
    record[i] ^= std::byte{0xff};  // of the first page and all that follow
  const auto decoded = modes.decode(std::vector<std::byte>(record.begin(), record.begin() + 4 + 20));
  ASSERT_TRUE(decoded.has_value());
  ModePages::Image expected = modes.defaults;
  expected[mode::WriteCacheEnabled::kAt] = 0;
  EXPECT_EQ(*decoded, expected);
}

TEST(ModePagesRecord, TornAndForeignRecordsAreErrors) {
  const ModePages modes(true);
  const auto record = modes.encode(modes.defaults);
  for (std::size_t length = 0; length < record.size(); ++length) {
    const auto decoded = modes.decode(std::span(record).first(length));
    const bool whole = length == 1 || length == 4 + 20;  // between pages
    EXPECT_EQ(decoded.has_value(), whole) << length;
  }
  auto foreign = record;
  foreign[0] = std::byte{9};
  EXPECT_FALSE(modes.decode(foreign).has_value());
}

}  // namespace
}  // namespace scsi::disk
