// What a target would have of the text keys that logins negotiate (RFC 7143 section 13): each key's result function
// makes the outcome of this and of what the initiator offers. A key that is not offered has the standard's default.
#pragma once

#include <cstdint>

#include "hal/port/datamover.h"

namespace iscsi {

enum class DigestUse : std::uint8_t {
  kAny,       // as the initiator prefers
  kRequired,  // CRC32C, or no login
  kNone,      // never
};

struct TargetKeys {
  static constexpr std::uint32_t kLeastLength = 512;  // of all lengths here
  static constexpr std::uint32_t kMostData = 262144, kMostBurst = 16776192, kMostFirstBurst = 262144;
  static constexpr std::uint16_t kMostR2t = hal::DataTask::kMaxR2t;
  static constexpr std::uint16_t kMostTime = 3600;  // seconds

  DigestUse header_digest = DigestUse::kAny, data_digest = DigestUse::kAny;
  bool initial_r2t = false;  // true: no write data comes unasked, but with its command
  bool immediate_data = true;
  std::uint32_t max_recv_data_segment_length = kMostData;  // ours; the initiator declares its own
  std::uint32_t max_burst_length = kMostBurst;
  std::uint32_t first_burst_length = kMostFirstBurst;
  std::uint16_t max_outstanding_r2t = kMostR2t;  // 1 from error recovery level 1 on
  std::uint16_t default_time2wait = 0;           // seconds
  std::uint16_t default_time2retain = 20;        // seconds; 0 below error recovery level 2
  bool operator==(const TargetKeys&) const = default;
};

}  // namespace iscsi
