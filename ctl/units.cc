// Text of sizes and durations.
#include "ctl/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace ctl {
namespace {

using Wide = unsigned __int128;
struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 12> kSizeUnits = {{{"", 1},
                                              {"B", 1},
                                              {"KiB", 1ull << 10},
                                              {"MiB", 1ull << 20},
                                              {"GiB", 1ull << 30},
                                              {"TiB", 1ull << 40},
                                              {"PiB", 1ull << 50},
                                              {"kB", 1'000ull},
                                              {"MB", 1'000'000ull},
                                              {"GB", 1'000'000'000ull},
                                              {"TB", 1'000'000'000'000ull},
                                              {"PB", 1'000'000'000'000'000ull}}};
constexpr std::array<Unit, 5> kTimeUnits = {{{"us", 1'000ull},
                                             {"ms", 1'000'000ull},
                                             {"s", 1'000'000'000ull},
                                             {"min", 60'000'000'000ull},
                                             {"h", 3'600'000'000'000ull}}};

struct Number {
  std::uint64_t thousandths = 0;
  std::string_view unit;
};

// "1.5 GiB" -> 1500, "GiB". At most 15 digits before the point with decimals, so that nothing overflows; a plain whole
// number may use all 64 bits and is handled by the callers first.
base::Result<Number> split(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, end);
  std::string_view unit = text.substr(end);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::string_view whole = digits.substr(0, point);
  const std::string_view decimals = point < digits.size() ? digits.substr(point + 1) : std::string_view();
  if (whole.empty() || whole.size() > 15 || decimals.size() > 3 || decimals.find('.') != std::string_view::npos ||
      (point < digits.size() && decimals.empty())) {
    return base::fail(base::Errc::kInvalid, "is not a number with a unit");
  }
  Number number{0, unit};
  for (const char c : whole) number.thousandths = number.thousandths * 10 + static_cast<std::uint64_t>(c - '0');
  for (std::size_t i = 0; i < 3; ++i) {
    const auto digit = i < decimals.size() ? static_cast<std::uint64_t>(decimals[i] - '0') : 0;
    number.thousandths = number.thousandths * 10 + digit;
  }
  return number;
}

template <std::size_t N>
base::Result<std::uint64_t> scaled(const Number& number, const std::array<Unit, N>& units) {
  const auto* const unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == number.unit; });
  if (unit == units.end()) return base::fail(base::Errc::kInvalid, "has an unknown unit");
  const Wide product = Wide{number.thousandths} * unit->factor;
  if (product % 1000 != 0) return base::fail(base::Errc::kInvalid, "is not a whole number of the smallest unit");
  if (product / 1000 > static_cast<std::uint64_t>(INT64_MAX)) return base::fail(base::Errc::kInvalid, "is too large");
  return static_cast<std::uint64_t>(product / 1000);
}

}  // namespace

base::Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t plain = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), plain);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (plain > static_cast<std::uint64_t>(INT64_MAX)) return base::fail(base::Errc::kInvalid, "is too large");
    return plain;
  }
  return scaled(TRY(split(text)), kSizeUnits);
}

std::string format_size(std::uint64_t bytes) {
  std::size_t best = 1;
  for (std::size_t i = 2; i <= 6; ++i) {
    if (bytes != 0 && bytes % kSizeUnits[i].factor == 0) best = i;
  }
  return fmt::format("{} {}", bytes / kSizeUnits[best].factor, kSizeUnits[best].name);
}

base::Result<base::Duration> parse_duration(std::string_view text) {
  return base::Duration(static_cast<std::int64_t>(TRY(scaled(TRY(split(text)), kTimeUnits))));
}

std::string format_duration(base::Duration duration) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  std::size_t best = 0;
  for (std::size_t i = 1; i <= 2; ++i) {
    if (count % kTimeUnits[i].factor == 0) best = i;
  }
  return fmt::format("{}{}", count / kTimeUnits[best].factor, kTimeUnits[best].name);
}

}  // namespace ctl
