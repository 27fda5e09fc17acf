// What login settles for a session and its connection (RFC 7143 section 13); the defaults are the standard's.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hal/port/datamover.h"

namespace iscsi {

struct Parameters {
  bool header_digest = false, data_digest = false;
  bool initial_r2t = true, immediate_data = true;
  bool data_pdu_in_order = true, data_sequence_in_order = true;
  bool response_fence = false;  // TaskReporting
  std::uint8_t error_recovery_level = 0, protocol_level = 1;
  std::uint16_t max_connections = 1, max_outstanding_r2t = 1;
  std::uint16_t time2wait = 2, time2retain = 20;  // seconds
  std::uint32_t initiator_max_data = 8192;        // MaxRecvDataSegmentLength that each side declared
  std::uint32_t target_max_data = 8192;
  std::uint32_t max_burst = 262144, first_burst = 65536;
  bool operator==(const Parameters&) const = default;

  hal::DatamoverKeys datamover_keys() const;
  std::vector<std::pair<std::string, std::string>> listing(bool discovery) const;  // for people
};

}  // namespace iscsi
