// SAM-5 vocabulary of the core: status codes, task attributes, task management functions, LUN addresses.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.h"

namespace scsi {

enum class Status : std::uint8_t {  // SAM-5 5.3.1
  kGood = 0x00,
  kCheckCondition = 0x02,
  kConditionMet = 0x04,
  kBusy = 0x08,
  kReservationConflict = 0x18,
  kTaskSetFull = 0x28,
  kAcaActive = 0x30,
  kTaskAborted = 0x40,
};

enum class TaskAttribute : std::uint8_t { kSimple, kOrdered, kHeadOfQueue, kAca };

// What the initiator said about data: iSCSI R/W bits, FCP RDDATA/WRDATA. Both at once is refused by the core.
enum class DataDirection : std::uint8_t { kNone, kIn, kOut, kBidirectional };

enum class TaskFunction : std::uint8_t {  // SAM-5 7
  kAbortTask,
  kAbortTaskSet,
  kClearAca,
  kClearTaskSet,
  kLogicalUnitReset,
  kTargetReset,  // "warm" and "cold" of RFC 7143; what else a cold reset ends is the fabric's affair
  kITNexusReset,
  kQueryTask,
  kQueryTaskSet,
  kQueryAsynchronousEvent,
};

enum class TmfResponse : std::uint8_t {  // SAM-5 7.x service responses
  kFunctionComplete,
  kFunctionSucceeded,
  kFunctionRejected,
  kIncorrectLun,
  kTaskDoesNotExist,
  kNotSupported,
};

struct ByteRange {  // of a medium: [from, to)
  std::uint64_t from = 0, to = 0;
};

// The eight bytes of a LUN as the wire carries them (SAM-5 4.7), and the single-level number they mean.
struct Lun {
  std::array<std::uint8_t, 8> bytes{};
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  // Peripheral device addressing (0..255, bus 0) and flat space addressing (0..16383); anything else is kNone.
  constexpr std::uint32_t number() const {
    const std::uint64_t word = std::bit_cast<base::be64>(bytes);
    if ((word & 0xffff'ffff'ffff) != 0) return kNone;
    const auto first = static_cast<std::uint32_t>(word >> 48);  // the first level
    if (first <= 0xff) return first;
    return first >> 14 == 1 ? first & 0x3fff : kNone;
  }
  // Peripheral addressing up to 255, flat space above: what REPORT LUNS returns.
  static constexpr Lun of(std::uint32_t number) {
    Lun lun;
    lun.bytes[0] = static_cast<std::uint8_t>(number > 255 ? 0x40 | ((number >> 8) & 0x3f) : 0);
    lun.bytes[1] = static_cast<std::uint8_t>(number);
    return lun;
  }
  constexpr bool operator==(const Lun&) const = default;
};
inline constexpr std::uint32_t kMaxLunNumber = 16383;
// REPORT LUNS well known logical unit (SAM-5 4.7.7.5.3).
inline constexpr Lun kReportLunsWellKnown{{0xc1, 0x01, 0, 0, 0, 0, 0, 0}};

}  // namespace scsi
