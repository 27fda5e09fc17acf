// The mode pages of the disk (SPC-5 7.5, SBC-4 6.5): one image of bytes each for current, saved and default values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bits.h"
#include "base/result.h"

namespace scsi::disk {

inline constexpr char kModePagesRecord[] = "mode-pages";  // in the metadata store

struct ModePage {
  std::uint8_t code = 0;
  std::uint8_t subpage = 0;
  bool savable = false;
  std::uint8_t length = 0;  // with the page header
  std::uint8_t at = 0;      // in an image
  std::uint8_t header() const { return subpage == 0 ? 2 : 4; }
};

struct ModePages {
  static constexpr std::size_t kImageSize = 88;
  using Image = std::array<std::uint8_t, kImageSize>;  // the pages one after another, headers included, PS = 0

  // `protection`: of a unit with protection information, where ATO may change.
  explicit ModePages(bool write_cache, bool protection = false);
  Image current, saved, defaults;
  bool protection;

  static std::span<const ModePage> pages();  // ascending by code and subpage
  static const ModePage* find(std::uint8_t code, std::uint8_t subpage);
  static const Image& changeable(bool protection = false);
  static const Image& layout();  // an image with the page headers

  // Saved pages as a record: {code, subpage, length, bytes} each. From a record, only changeable bits are taken.
  std::vector<std::byte> encode(const Image& image) const;
  base::Result<Image> decode(std::span<const std::byte> record) const;
};

// Fields that mean something here, by their place in an image.
namespace mode {
template <std::size_t Page, std::size_t Byte, class Field>
struct In {
  static constexpr std::size_t kAt = Page + Byte;
  static auto get(const ModePages::Image& image) { return Field::get(image[kAt]); }
};
inline constexpr std::size_t kCaching = 12, kControl = 32;
using WriteCacheEnabled = In<kCaching, 2, base::Flag8<2>>;
using DescriptorSense = In<kControl, 2, base::Flag8<2>>;
using UnitAttentionInterlock = In<kControl, 4, base::Bits8<5, 4>>;
using SoftwareWriteProtect = In<kControl, 4, base::Flag8<3>>;
using ApplicationTagOwner = In<kControl, 5, base::Flag8<7>>;  // ATO: 1: the application client's
using TaskAbortedStatus = In<kControl, 5, base::Flag8<6>>;
}  // namespace mode

}  // namespace scsi::disk
