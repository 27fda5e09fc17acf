// Sizes and durations as people write them: "10GiB", "512", "15s", "250ms".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace ctl {

// A whole number of bytes, or a number (with at most three decimals) and KiB, MiB, GiB, TiB, PiB or kB, MB, GB, TB, PB.
base::Result<std::uint64_t> parse_size(std::string_view text);
// The largest binary unit that gives a whole number; parse_size reads it back: "10 GiB", "1000 B".
std::string format_size(std::uint64_t bytes);

// A whole number and us, ms, s, min or h.
base::Result<base::Duration> parse_duration(std::string_view text);
std::string format_duration(base::Duration duration);  // parse_duration reads it back: "15s", "1500ms"

}  // namespace ctl
