// Mode parameter lists as MODE SENSE and MODE SELECT carry them: headers and block descriptors (SPC-5 7.5.5, SBC-4
// 6.5.2), and what a list that was received would make of the pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bits.h"
#include "base/endian.h"
#include "scsi_core/disk/mode_pages.h"
#include "scsi_core/sense.h"

namespace scsi::disk {

using base::be16;
using base::be24;
using base::be32;
using base::be64;

inline constexpr std::uint8_t kAllModePages = 0x3f;
inline constexpr std::uint8_t kAllSubpages = 0xff;

struct ModeHeader6 {
  std::uint8_t mode_data_length;
  std::uint8_t medium_type;
  std::uint8_t device_specific;
  std::uint8_t block_descriptor_length;
};
static_assert(sizeof(ModeHeader6) == 4);

struct ModeHeader10 {
  be16 mode_data_length;
  std::uint8_t medium_type;
  std::uint8_t device_specific;
  std::uint8_t long_lba;
  std::uint8_t reserved;
  be16 block_descriptor_length;
};
static_assert(sizeof(ModeHeader10) == 8);
using LongLba = base::Flag8<0>;

struct ShortBlockDescriptor {
  be32 number_of_logical_blocks;
  std::uint8_t reserved;
  be24 logical_block_length;
};
static_assert(sizeof(ShortBlockDescriptor) == 8);

struct LongBlockDescriptor {
  be64 number_of_logical_blocks;
  std::uint8_t reserved[4];
  be32 logical_block_length;
};
static_assert(sizeof(LongBlockDescriptor) == 16);

struct ModeSelection {
  std::uint64_t blocks = 0;      // capacity of the medium
  std::uint32_t block_size = 0;  // bytes
  bool ten = false;              // MODE SELECT(10)
  bool protection = false;       // of a unit with protection information
};

// Applies `list` to `image`. Anything but GOOD: `image` may be half changed and is to be thrown away.
Outcome apply_mode_parameters(std::span<const std::byte> list, const ModeSelection& selection, ModePages::Image& image);

}  // namespace scsi::disk
