// Holds the bytes of the mode pages, their changeable bits, and the record that saved pages are kept in.
#include "scsi_core/disk/mode_pages.h"

#include <algorithm>
#include <cstring>

namespace scsi::disk {
namespace {

constexpr ModePage kPages[] = {
    {0x01, 0x00, false, 12, 0},  // read-write error recovery
    {0x08, 0x00, true, 20, mode::kCaching},
    {0x0a, 0x00, true, 12, mode::kControl},
    {0x0a, 0x01, false, 32, 44},  // control extension
    {0x1c, 0x00, false, 12, 76},  // informational exceptions control
};
static_assert(kPages[4].at + kPages[4].length == ModePages::kImageSize);

// clang-format off
constexpr ModePages::Image kDefaults = {
    // 01h: AWRE = 1, ARRE = 1: the backstore repairs what it can
    0x01, 0x0a, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // 08h: WCE = 1
    0x08, 0x12, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // 0Ah: TST = 0, QUEUE ALGORITHM MODIFIER = 1 (SIMPLE commands may be reordered), QERR = 0
    0x0a, 0x0a, 0x00, 0x10, 0, 0, 0, 0, 0, 0, 0, 0,
    // 0Ah/01h: nothing of it is supported
    0x4a, 0x01, 0, 0x1c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // 1Ch: DEXCPT = 1: there are no informational exceptions
    0x1c, 0x0a, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};
constexpr ModePages::Image kChangeable = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // WCE
    0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    // D_SENSE; UA_INTLCK_CTRL and SWP; TAS
    0, 0, 0x04, 0, 0x38, 0x40, 0, 0, 0, 0, 0, 0,
};
// clang-format on

constexpr ModePages::Image with_ato(ModePages::Image image) {
  image[mode::ApplicationTagOwner::kAt] |= 0x80;
  return image;
}
constexpr ModePages::Image kChangeableWithProtection = with_ato(kChangeable);

constexpr std::byte kRecordVersion{1};

}  // namespace

ModePages::ModePages(bool write_cache, bool with_protection) : defaults(kDefaults), protection(with_protection) {
  if (!write_cache) defaults[mode::WriteCacheEnabled::kAt] = 0;
  current = saved = defaults;
}

std::span<const ModePage> ModePages::pages() { return kPages; }
const ModePages::Image& ModePages::changeable(bool protection) {
  return protection ? kChangeableWithProtection : kChangeable;
}
const ModePages::Image& ModePages::layout() { return kDefaults; }

const ModePage* ModePages::find(std::uint8_t code, std::uint8_t subpage) {
  const auto found = std::find_if(std::begin(kPages), std::end(kPages),
                                  [&](const ModePage& page) { return page.code == code && page.subpage == subpage; });
  return found == std::end(kPages) ? nullptr : found;
}

std::vector<std::byte> ModePages::encode(const Image& image) const {
  std::vector<std::byte> record{kRecordVersion};
  for (const ModePage& page : kPages) {
    if (!page.savable) continue;
    record.insert(record.end(), {std::byte{page.code}, std::byte{page.subpage}, std::byte{page.length}});
    const auto bytes = std::as_bytes(std::span(image).subspan(page.at, page.length));
    record.insert(record.end(), bytes.begin(), bytes.end());
  }
  return record;
}

base::Result<ModePages::Image> ModePages::decode(std::span<const std::byte> record) const {
  if (record.empty() || record[0] != kRecordVersion) {
    return base::fail(base::Errc::kInvalid, "the saved mode pages have an unknown version");
  }
  Image image = defaults;
  for (record = record.subspan(1); !record.empty();) {
    if (record.size() < 3 || record.size() - 3 < std::to_integer<std::size_t>(record[2])) {
      return base::fail(base::Errc::kInvalid, "the saved mode pages end inside a page");
    }
    const auto length = std::to_integer<std::size_t>(record[2]);
    const ModePage* page = find(std::to_integer<std::uint8_t>(record[0]), std::to_integer<std::uint8_t>(record[1]));
    if (page != nullptr && page->length == length) {
      for (std::size_t i = 0; i < length; ++i) {
        const std::uint8_t mask = changeable(protection)[page->at + i];
        const auto kept = static_cast<std::uint8_t>(image[page->at + i] & ~mask);
        image[page->at + i] = static_cast<std::uint8_t>(kept | (std::to_integer<std::uint8_t>(record[3 + i]) & mask));
      }
    }
    record = record.subspan(3 + length);
  }
  return image;
}

}  // namespace scsi::disk
