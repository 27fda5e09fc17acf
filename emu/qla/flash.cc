// Flash contents by sector: NVRAM, a firmware image that looks right, and what the host writes.
#include "emu/qla/flash.h"

#include <cstring>

#include "drivers/qla/wire.h"
#include "emu/qla/dump_template.h"
#include "emu/qla/flash_layout.h"
#include "emu/qla/nvram.h"
#include "emu/qla/ram.h"

namespace emu::qla {
namespace {

namespace wire = ::qla::wire;
constexpr std::uint32_t kBlank = 0xFFFFFFFF;
constexpr std::uint32_t kJedecId = 0x001F2020;  // any will do: a 4 MiB part
constexpr std::uint8_t kEraseSector = 0xD8;
constexpr std::uint32_t kSegmentDwords = 16;

// Two segments that load nothing of use; drivers look at the version words and follow the lengths.
std::vector<std::byte> make_firmware(const Chip& chip) {
  std::vector<std::byte> image(2 * kSegmentDwords * 4);
  constexpr std::uint32_t kLoad[] = {kFirmwareAt, kFirmwareAt + 0x10000};
  for (unsigned i = 0; i < 2; ++i) {
    wire::FirmwareSegment head{};
    head.load_address = kLoad[i];
    head.dwords = kSegmentDwords;
    head.version = {chip.version[0], chip.version[1], chip.version[2], chip.attributes};
    std::memcpy(image.data() + i * kSegmentDwords * 4, &head, sizeof head);
  }
  if (chip.dump_template) {
    const auto more = make_dump_template(chip);
    image.insert(image.end(), more.begin(), more.end());
  }
  return image;
}

}  // namespace

void Flash::burn(const Chip& chip, const Factory& factory) {
  sectors_.clear();
  const wire::Nvram nvram = make_nvram(chip, factory);
  put(map_.nvram + factory.function * map_.nvram_stride, std::as_bytes(std::span(&nvram, 1)));
  if (factory.good_firmware) put(map_.firmware, make_firmware(chip));
  if (map_.layout != 0) {
    const auto description = make_flash_description(kDwords * 4, kSectorDwords * 4);
    put(map_.layout, make_flash_layout(map_, kDwords * 4));
    put(map_.description, std::as_bytes(std::span(&description, 1)));
  }
  if (map_.image_status != 0) {  // the newer image is in the second place, as after an update
    const auto first = make_image_status(true, 1), second = make_image_status(true, 2);
    put(map_.image_status, std::as_bytes(std::span(&first, 1)));
    put(map_.image_status_secondary, std::as_bytes(std::span(&second, 1)));
    if (factory.good_firmware) put(map_.firmware_secondary, make_firmware(chip));
  }
}

std::uint32_t Flash::at(std::uint32_t dword) const {
  const auto found = sectors_.find(dword / kSectorDwords);
  return found == sectors_.end() ? kBlank : found->second[dword % kSectorDwords];
}

std::uint32_t Flash::read(std::uint32_t address) const {
  if (configures(address)) return kJedecId;
  return holds(address) ? at(address - map_.data) : kBlank;
}

void Flash::write(std::uint32_t address, std::uint32_t value) {
  if (configures(address)) {
    // The value is the sector's byte address with its three bytes in reverse.
    const std::uint32_t byte = (value & 0xFF) << 16 | (value & 0xFF00) | (value >> 16 & 0xFF);
    if ((address & 0xFF) == kEraseSector) sectors_.erase(byte / 4 / kSectorDwords);
    return;
  }
  if (!holds(address)) return;
  const std::uint32_t dword = address - map_.data;
  auto [sector, fresh] = sectors_.try_emplace(dword / kSectorDwords);
  if (fresh) sector->second.fill(kBlank);
  sector->second[dword % kSectorDwords] &= value;
}

void Flash::put(std::uint32_t dword, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4, ++dword) {
    base::le32 value;
    std::memcpy(&value, bytes.data() + i, 4);
    auto [sector, fresh] = sectors_.try_emplace(dword / kSectorDwords);
    if (fresh) sector->second.fill(kBlank);
    sector->second[dword % kSectorDwords] = value;
  }
}

}  // namespace emu::qla
