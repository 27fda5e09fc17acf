// iSCSI conditions (RFC 7143 11.4.7.2): what went wrong with the data of a command on its way, as sense data.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "scsi_core/sense.h"

namespace iscsi {

inline constexpr scsi::SenseCode kUnexpectedUnsolicitedData{scsi::SenseKey::kAbortedCommand, 0x0c, 0x0c};
inline constexpr scsi::SenseCode kIncorrectAmountOfData{scsi::SenseKey::kAbortedCommand, 0x0c, 0x0d};
inline constexpr scsi::SenseCode kProtocolServiceCrcError{scsi::SenseKey::kAbortedCommand, 0x47, 0x05};

// In fixed format, as no logical unit is involved that could ask for another. `out`: at least 18 bytes.
inline std::uint8_t encode_condition(const scsi::SenseCode& code, std::span<std::byte> out) {
  return static_cast<std::uint8_t>(scsi::Sense{.code = code}.encode(false, out));
}

}  // namespace iscsi
