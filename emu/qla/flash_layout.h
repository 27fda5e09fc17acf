// What later chips have in flash besides NVRAM and firmware: the table of regions, the part's description, records of
// which firmware image is active, and the template by which hosts dump the firmware.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "drivers/qla/wire.h"
#include "emu/qla/chip.h"

namespace emu::qla {

std::vector<std::byte> make_flash_layout(const FlashMap& map, std::uint32_t flash_bytes);
::qla::wire::FlashDescription make_flash_description(std::uint32_t flash_bytes, std::uint32_t sector_bytes);
::qla::wire::ImageStatus make_image_status(bool active, std::uint16_t generation);
// With its head; big-endian dwords, as firmware images are stored.

}  // namespace emu::qla
