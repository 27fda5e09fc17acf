// Base64 with padding (RFC 4648 section 4).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

std::string encode_base64(std::span<const std::byte> bytes);
// Refused before a byte is written when it is longer than `out`; otherwise the number of bytes.
std::optional<std::size_t> decode_base64(std::string_view digits, std::span<std::byte> out);

}  // namespace base
