// Worldwide_Names as people write them.
#include "hal/port/fc_port.h"

#include <fmt/format.h>

namespace hal::fc {
namespace {

constexpr std::size_t kDigits = 16;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_string(Wwn name) {
  std::string text = fmt::format("{:016x}", name.raw);
  for (std::size_t at = kDigits - 2; at != 0; at -= 2) text.insert(at, 1, ':');
  return text;
}

base::Result<Wwn> parse_wwn(std::string_view text) {
  constexpr std::size_t kWithColons = kDigits + kDigits / 2 - 1;
  const bool colons = text.size() == kWithColons;
  Wwn name;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size() && (colons || text.size() == kDigits); ++i) {
    if (colons && i % 3 == 2) {
      if (text[i] != ':') break;
      continue;
    }
    const int digit = digit_of(text[i]);
    if (digit < 0) break;
    name.raw = name.raw << 4 | static_cast<std::uint64_t>(digit);
    ++digits;
  }
  if (digits == kDigits) return name;
  return base::fail(base::Errc::kInvalid,
                    fmt::format("\"{}\" is no WWN: 16 hexadecimal digits, with or without colons", text));
}

}  // namespace hal::fc
