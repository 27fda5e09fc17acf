// iSCSI names (RFC 7143 4.2.7): which are well formed, how they compare, and wildcards over them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "scsi_core/port.h"

namespace iscsi {

inline constexpr std::size_t kMaxName = 223;

// Lower case, as names compare; nothing when it is no iSCSI name: iqn., eui. or naa., at most 223 bytes, without
// spaces, commas, control characters.
std::optional<std::string> normalized_name(std::string_view name);
// `*` any run of characters, `?` any one; upper and lower case are the same. Time is at most quadratic.
bool matches_wildcard(std::string_view pattern, std::string_view text);
bool matches_any(std::span<const std::string> patterns, std::string_view text);

using Isid = std::array<std::uint8_t, 6>;
std::string isid_text(const Isid& isid);                                           // "0x00023d000001"
scsi::TransportId initiator_port(const std::string& initiator, const Isid& isid);  // "iqn...,i,0x00023d000001"
std::string target_port_name(const std::string& target, std::uint16_t tag);        // "iqn...,t,0x0001"

}  // namespace iscsi
