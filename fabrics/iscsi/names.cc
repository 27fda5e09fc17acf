// Checks and comparisons of iSCSI names.
#include "fabrics/iscsi/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace iscsi {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool hex_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::optional<std::string> normalized_name(std::string_view name) {
  if (name.size() > kMaxName) return std::nullopt;
  std::string result(name);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == ',') return std::nullopt;
    c = lower(c);
  }
  const std::string_view rest = std::string_view(result).substr(std::min<std::size_t>(4, result.size()));
  const bool good = (result.starts_with("iqn.") && !rest.empty()) ||
                    (result.starts_with("eui.") && rest.size() == 16 && hex_digits(rest)) ||
                    (result.starts_with("naa.") && (rest.size() == 16 || rest.size() == 32) && hex_digits(rest));
  if (!good) return std::nullopt;
  return result;
}

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {  // let the last star eat one more character
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool matches_any(std::span<const std::string> patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [text](const std::string& pattern) { return matches_wildcard(pattern, text); });
}

std::string isid_text(const Isid& isid) {
  return fmt::format("0x{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}", isid[0], isid[1], isid[2], isid[3], isid[4], isid[5]);
}

scsi::TransportId initiator_port(const std::string& initiator, const Isid& isid) {
  return {.protocol = 5, .name = initiator + ",i," + isid_text(isid)};
}

std::string target_port_name(const std::string& target, std::uint16_t tag) {
  return fmt::format("{},t,0x{:04x}", target, tag);
}

}  // namespace iscsi
