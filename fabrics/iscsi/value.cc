// Decoding of text values.
#include "fabrics/iscsi/value.h"

#include "base/base64.h"

namespace iscsi {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::size_t> decode_hex(std::string_view digits, std::span<std::byte> out) {
  if (digits.size() % 2 != 0 || digits.size() / 2 > out.size()) return std::nullopt;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i / 2] = static_cast<std::byte>(high << 4 | low);
  }
  return digits.size() / 2;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  if (text.empty()) return std::nullopt;
  const std::uint64_t radix = hex ? 16 : 10;
  std::uint64_t value = 0;
  for (const char c : text) {
    const int digit = hex_digit(c);
    if (digit < 0 || static_cast<std::uint64_t>(digit) >= radix) return std::nullopt;
    if (__builtin_mul_overflow(value, radix, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<std::uint64_t>(digit), &value)) return std::nullopt;
  }
  return value;
}

std::optional<std::size_t> decode_binary(std::string_view text, std::span<std::byte> out) {
  if (text.size() < 3 || text[0] != '0') return std::nullopt;
  const std::string_view digits = text.substr(2);
  if (text[1] == 'x' || text[1] == 'X') return decode_hex(digits, out);
  if (text[1] == 'b' || text[1] == 'B') return base::decode_base64(digits, out);
  return std::nullopt;
}

std::string encode_hex(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  text.reserve(2 + bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text.push_back(kDigits[static_cast<std::uint8_t>(byte) >> 4]);
    text.push_back(kDigits[static_cast<std::uint8_t>(byte) & 15]);
  }
  return text;
}

std::string_view next_element(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view element = list.substr(0, comma);
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return element;
}

}  // namespace iscsi
