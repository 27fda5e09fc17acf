// The values of text keys (RFC 7143 6.1): numbers, lists, and binary data in hexadecimal or base64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace iscsi {

// Decimal or 0x hexadecimal, up to 2^64 - 1; nothing else may stand around it.
std::optional<std::uint64_t> parse_number(std::string_view text);

// "0x..." with an even number of digits or "0b..." in base64 with padding. Refused before a byte is written when it is
// longer than `out`; otherwise the number of bytes.
std::optional<std::size_t> decode_binary(std::string_view text, std::span<std::byte> out);
std::string encode_hex(std::span<const std::byte> bytes);  // "0x..."

// Takes the first element off a comma-separated list.
std::string_view next_element(std::string_view& list);

}  // namespace iscsi
