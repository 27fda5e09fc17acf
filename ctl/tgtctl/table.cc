// Laying out a table.
#include "ctl/tgtctl/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace ctl {
namespace {

std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // not a continuation byte
  }));
}

// A number, with or without a unit behind it.
bool numeric(const std::string& text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  static constexpr std::array kUnits = {"k",  "M",  "G",   "T",   " ns", " us", " ms",
                                        " s", " B", " kB", " MB", " GB", " TB", " PB"};
  if (end == std::string::npos || end == 0) return !text.empty() && end != 0;
  return std::ranges::any_of(kUnits, [&](const char* unit) { return text.compare(end, std::string::npos, unit) == 0; });
}

// Three digits with the largest unit of which there is at least one.
std::string scaled(double value, std::span<const char* const> units) {
  if (value <= 0) return "0";
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}{}", value, unit == 0 && value == std::floor(value) ? 0 : decimals, units[unit]);
}

}  // namespace

// Terminal escape sequences must not pass. Bytes of UTF-8 beyond ASCII stay.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string short_time(double nanoseconds) {
  static constexpr std::array kUnits = {" ns", " us", " ms", " s"};
  return scaled(nanoseconds, kUnits);
}

std::string short_bytes(double bytes) {
  static constexpr std::array kUnits = {" B", " kB", " MB", " GB", " TB", " PB"};
  return scaled(bytes, kUnits);
}

std::string short_number(double number) {
  static constexpr std::array kUnits = {"", "k", "M", "G", "T"};
  return scaled(number, kUnits);
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> right;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    widths.resize(std::max(widths.size(), rows[r].size()));
    right.resize(widths.size(), rows.size() > 1);
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      widths[c] = std::max(widths[c], width(rows[r][c]));
      if (r > 0 && !numeric(rows[r][c])) right[c] = false;
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string cell = printable(row[c]), padding(widths[c] - width(row[c]), ' ');
      line += (c == 0 ? "" : "  ") + (right[c] ? padding + cell : cell + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace ctl
