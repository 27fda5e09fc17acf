// Syntax checks of names and addresses.
#include "ctl/config/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace ctl {
namespace {

bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
constexpr std::string_view kIscsi = "abcdefghijklmnopqrstuvwxyz0123456789.:-";
constexpr std::size_t kMaxIscsiName = 223;

// yyyy-mm.domain[:anything]
bool valid_iqn_rest(std::string_view rest) {
  if (rest.size() < 9 || !only(rest.substr(0, 4), kDigits) || rest[4] != '-' || !only(rest.substr(5, 2), kDigits) ||
      rest[7] != '.') {
    return false;
  }
  const int month = (rest[5] - '0') * 10 + rest[6] - '0';
  return month >= 1 && month <= 12 && rest[8] != ':' && rest[8] != '.';
}

// How many bytes the character at the front has; 0 when it is none (RFC 3629 section 4: not overlong, no surrogates, at
// most U+10FFFF).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  const std::uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const std::uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < least || byte(1) > most) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

bool utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

bool valid_path(const std::string& text) {
  constexpr std::size_t kPathMax = 4096;  // PATH_MAX, with its NUL
  return text.starts_with('/') && text.size() < kPathMax && text.find('\0') == std::string::npos && utf8(text);
}

bool printable_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool valid_name(const std::string& name) { return !name.empty() && name.size() <= 64 && only(name, kWord); }

bool valid_iscsi_name(const std::string& name) {
  const std::string_view text = name;
  if (text.size() > kMaxIscsiName) return false;
  if (text.starts_with("eui.")) return text.size() == 20 && only(text.substr(4), kHex);
  if (text.starts_with("naa.")) return (text.size() == 20 || text.size() == 36) && only(text.substr(4), kHex);
  // Names outside ASCII would need stringprep (RFC 7143 4.2.7.2) before they can be compared.
  return text.starts_with("iqn.") && only(text, kIscsi) && valid_iqn_rest(text.substr(4));
}

bool valid_initiator_pattern(const std::string& p) {
  return !p.empty() && p.size() <= kMaxIscsiName && printable_ascii(p) && p.find(' ') == std::string::npos;
}

bool valid_wwpn_pattern(const std::string& p) {
  return !p.empty() && p.size() <= 64 && only(p, "0123456789abcdefABCDEF:*?");
}

bool valid_device_address(const std::string& text) {
  const std::string_view rest = text;
  if (rest.starts_with("unix:/")) return rest.size() < 6 + 107 && printable_ascii(text);  // sockaddr_un
  constexpr std::string_view kShape = "0000:00:00.0";
  if (rest.size() != kShape.size()) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == '0' ? !only(rest.substr(i, 1), kHex) : rest[i] != kShape[i]) return false;
  }
  return rest.back() <= '7';
}

bool valid_portal_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || text.size() > 64) return false;
  std::string host = text.substr(0, colon);
  const std::string_view port = std::string_view(text).substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return false;
  std::array<unsigned char, sizeof(in6_addr)> address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  }
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1;
}

}  // namespace ctl
