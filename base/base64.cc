// Four digits for three bytes, and back.
#include "base/base64.h"

#include <algorithm>
#include <cstdint>

namespace base {
namespace {

constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::string encode_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t have = std::min<std::size_t>(bytes.size() - at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < have ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) text.push_back(i > have ? '=' : kDigits[bits >> (18 - 6 * i) & 63]);
  }
  return text;
}

std::optional<std::size_t> decode_base64(std::string_view digits, std::span<std::byte> out) {
  if (digits.size() % 4 != 0) return std::nullopt;
  std::size_t pad = 0;
  while (pad < 2 && digits.size() > pad && digits[digits.size() - 1 - pad] == '=') ++pad;
  const std::size_t size = digits.size() / 4 * 3 - pad;
  if (size > out.size()) return std::nullopt;
  std::uint32_t bits = 0;
  std::size_t written = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int digit = i >= digits.size() - pad ? 0 : digit_of(digits[i]);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (int shift = 16; shift >= 0 && written < size; shift -= 8)
      out[written++] = static_cast<std::byte>(bits >> shift);
    bits = 0;
  }
  return size;
}

}  // namespace base
