// PERSISTENT RESERVE OUT from bytes (SPC-5 6.17.3, 6.17.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "scsi_core/reservation/table.h"

namespace scsi {

inline constexpr std::uint32_t kBasicListLength = 24;

// `cdb`: ten bytes; `list`: what was received. Fills `request`, or returns why not. What is wrong with the TransportIDs
// alone goes to request.list_error: some requests do not look at them.
Outcome parse_reserve_request(const std::uint8_t* cdb, std::span<const std::byte> list, ReserveRequest& request);

}  // namespace scsi
