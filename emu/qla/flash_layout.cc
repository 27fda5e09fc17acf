// Tables in flash, each with its checksum.
#include "emu/qla/flash_layout.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

namespace emu::qla {
namespace {

namespace wire = ::qla::wire;
using wire::RegionCode;

constexpr std::uint32_t kFirmwareBytes = 0x40000, kTableBytes = 0x1000, kNvramBytes = 0x200;
constexpr std::uint32_t kBootCode = 0x80000, kNpiv = 0xD1000, kNpivStride = 0x1000;  // dword indices; blank

struct Region {
  RegionCode code;
  std::uint32_t dword, bytes;
};

template <class Word, class T>
Word sum_of(const T& bytes) {
  Word sum = 0;
  for (std::size_t i = 0; i + sizeof(Word) <= bytes.size(); i += sizeof(Word)) {
    std::uint64_t word = 0;
    for (std::size_t at = 0; at < sizeof(Word); ++at) word |= std::to_integer<std::uint64_t>(bytes[i + at]) << (8 * at);
    sum = static_cast<Word>(sum + word);
  }
  return sum;
}

std::vector<Region> regions_of(const FlashMap& map) {
  std::vector<Region> regions = {
      {RegionCode::kBootCode, kBootCode, 0x80000},
      {RegionCode::kFirmware, map.firmware, kFirmwareBytes},
      {RegionCode::kVpd0, map.vpd, kNvramBytes},
      {RegionCode::kNvram0, map.nvram, kNvramBytes},
      {RegionCode::kVpd1, map.vpd + map.vpd_stride, kNvramBytes},
      {RegionCode::kNvram1, map.nvram + map.nvram_stride, kNvramBytes},
      {RegionCode::kDescription, map.description, kTableBytes},
      {RegionCode::kLayout, map.layout, kTableBytes},
      {RegionCode::kNpiv0, kNpiv, kTableBytes},
      {RegionCode::kNpiv1, kNpiv + kNpivStride, kTableBytes},
  };
  if (map.image_status != 0) {
    regions.push_back({RegionCode::kFirmwareSecondary, map.firmware_secondary, kFirmwareBytes});
    regions.push_back({RegionCode::kImageStatus, map.image_status, kTableBytes});
    regions.push_back({RegionCode::kImageStatusSecondary, map.image_status_secondary, kTableBytes});
  }
  return regions;
}

}  // namespace

std::vector<std::byte> make_flash_layout(const FlashMap& map, std::uint32_t flash_bytes) {
  const std::vector<Region> regions = regions_of(map);
  wire::FlashLayout head{};
  head.version = 1;
  head.length = static_cast<std::uint16_t>(regions.size() * sizeof(wire::FlashRegion));
  std::vector<std::byte> table(sizeof head + regions.size() * sizeof(wire::FlashRegion));
  std::byte* at = table.data() + sizeof head;
  for (const Region& region : regions) {
    const std::uint32_t start = region.dword * 4, bytes = std::min(region.bytes, flash_bytes - start);
    const wire::FlashRegion entry{static_cast<std::uint16_t>(region.code), 0, 0, bytes, start, start + bytes - 1};
    std::memcpy(at, &entry, sizeof entry);
    at += sizeof entry;
  }
  std::memcpy(table.data(), &head, sizeof head);
  head.checksum = static_cast<std::uint16_t>(0 - sum_of<std::uint16_t>(table));
  std::memcpy(table.data(), &head, sizeof head);
  return table;
}

wire::FlashDescription make_flash_description(std::uint32_t flash_bytes, std::uint32_t sector_bytes) {
  constexpr std::string_view kPart = "modelled part";
  wire::FlashDescription description{};
  description.signature = {'Q', 'L', 'I', 'D'};
  description.version = 1;
  description.length = static_cast<std::uint16_t>(sizeof description);
  std::copy(kPart.begin(), kPart.end(), description.model.begin());
  description.manufacturer = 0x20;
  description.device = 0x1F;
  description.erase_command = 0xD8;
  description.write_disable_bits = 0x9C;
  description.block_size = sector_bytes;
  description.flash_size = flash_bytes;
  const auto bytes = std::as_bytes(std::span(&description, 1));
  description.checksum = static_cast<std::uint16_t>(0 - sum_of<std::uint16_t>(bytes));
  return description;
}

wire::ImageStatus make_image_status(bool active, std::uint16_t generation) {
  wire::ImageStatus status{};
  status.mask = active ? 1 : 0;
  status.generation = generation;
  status.version_major = 1;
  status.signature = wire::kImageStatusSignature;
  const auto bytes = std::as_bytes(std::span(&status, 1));
  status.checksum = 0 - sum_of<std::uint32_t>(bytes);
  return status;
}

}  // namespace emu::qla
