// TransportIDs (SPC-5 7.6.4): an initiator port's name as parameter lists carry it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "scsi_core/port.h"

namespace scsi {

enum class ProtocolId : std::uint8_t { kFcp = 0, kSrp = 4, kIscsi = 5, kSas = 6 };  // SPC-5 table 477

// What parse_transport_id found. Read `error_at` first.
struct ParsedTransportId {
  static constexpr std::size_t kNone = ~std::size_t{0};
  TransportId id;            // in the form that TransportId asks for: lower case, ISID of 12 digits
  bool any_session = false;  // iSCSI format 00b: `id.name` is a node name and means every initiator port of the node
  std::size_t length = 0;    // bytes of the TransportID; the next one begins behind them
  std::size_t error_at = kNone;  // the byte that is wrong, from the start of the TransportID; kNone: all is well
};

// Parses the TransportID at the start of `bytes`; never looks behind them, whatever lengths they tell.
ParsedTransportId parse_transport_id(std::span<const std::byte> bytes);

// The TransportID of an initiator port: a multiple of 4 bytes, at least 24.
std::vector<std::byte> encode_transport_id(const TransportId& id);

// The iSCSI node name in "node,i,0x..."; the whole name with other protocols.
std::string_view node_name(const TransportId& id);

}  // namespace scsi
