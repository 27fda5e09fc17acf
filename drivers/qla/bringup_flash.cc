// Where things are in flash: the chip's row says it, later chips have a table that says it better, and with two images
// of the firmware records that tell which one is to be loaded.
#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "drivers/qla/bringup.h"
#include "drivers/qla/wire.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");
constexpr std::uint32_t kLayoutDwords = 0x400, kStatusDwords = sizeof(wire::ImageStatus) / 4;

// Both kinds of checksum: all words of the block add up to 0.
template <class Word, class Sum>
bool sums_to_zero(std::span<const std::byte> bytes) {
  Sum sum = 0;
  for (std::size_t at = 0; at + sizeof(Word) <= bytes.size(); at += sizeof(Word)) {
    Word word;
    std::memcpy(static_cast<void*>(&word), bytes.data() + at, sizeof word);
    sum = static_cast<Sum>(sum + Sum{word});
  }
  return sum == 0;
}

}  // namespace

void Bringup::begin_layout() {
  const Chip& chip = device_.chip;
  firmware_at_ = chip.firmware;
  nvram_at_ = chip.nvram + (second_function() ? chip.function_stride : 0);  // each function has one of its own
  images_ = {};
  if (chip.layout != 0) read_flash(chip.flash + chip.layout, kLayoutDwords);
}

Progress Bringup::poll_layout() {
  if (device_.chip.layout == 0) return Progress::kNext;
  if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  if (!take_layout(memory_.block().bytes.first(kLayoutDwords * 4))) {
    kLog.warn("{}: the flash's table of regions is not valid; the usual places are tried", device_.options.name);
  }
  return Progress::kNext;
}

bool Bringup::take_layout(std::span<const std::byte> table) {
  wire::FlashLayout head;
  std::memcpy(static_cast<void*>(&head), table.data(), sizeof head);
  const std::size_t length = head.length;
  if (head.version != 1 || length > table.size() - sizeof head) return false;
  if (!sums_to_zero<base::le16, std::uint16_t>(table.first(sizeof head + length))) return false;
  for (std::size_t at = sizeof head; at + sizeof(wire::FlashRegion) <= sizeof head + length;
       at += sizeof(wire::FlashRegion)) {
    wire::FlashRegion region;
    std::memcpy(static_cast<void*>(&region), table.data() + at, sizeof region);
    const std::uint32_t place = region.start / 4;
    switch (static_cast<wire::RegionCode>(std::uint16_t{region.code})) {
      case wire::RegionCode::kFirmware:
        firmware_at_ = images_[0].firmware = place;
        break;
      case wire::RegionCode::kFirmwareSecondary:
        images_[1].firmware = place;
        break;
      case wire::RegionCode::kImageStatus:
        images_[0].status = place;
        break;
      case wire::RegionCode::kImageStatusSecondary:
        images_[1].status = place;
        break;
      case wire::RegionCode::kNvram0:
        if (!second_function()) nvram_at_ = place;
        break;
      case wire::RegionCode::kNvram1:
        if (second_function()) nvram_at_ = place;
        break;
      default:
        break;
    }
  }
  return true;
}

void Bringup::begin_images() {
  image_ = 0;
  const bool two =
      std::all_of(images_.begin(), images_.end(), [](const Image& i) { return i.firmware != 0 && i.status != 0; });
  if (!two) image_ = images_.size();
  if (two) read_flash(device_.chip.flash + images_[0].status, kStatusDwords);
}

// The newer one of those that are active; without any, the first.
Progress Bringup::poll_images() {
  if (image_ == images_.size()) return Progress::kNext;
  if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  wire::ImageStatus status;
  const auto bytes = memory_.block().bytes.first(sizeof status);
  std::memcpy(static_cast<void*>(&status), bytes.data(), sizeof status);
  Image& image = images_[image_];
  image.active = status.signature == wire::kImageStatusSignature && (status.mask & 1) != 0 &&
                 sums_to_zero<base::le32, std::uint32_t>(bytes);
  image.generation = status.generation;
  if (++image_ < images_.size()) {
    read_flash(device_.chip.flash + images_[image_].status, kStatusDwords);
    return Progress::kWait;
  }
  const auto newer = static_cast<std::int16_t>(images_[1].generation - images_[0].generation) > 0;
  const bool take_second = images_[1].active && (!images_[0].active || newer);
  firmware_at_ = images_[take_second ? 1 : 0].firmware;
  return Progress::kNext;
}

}  // namespace qla
