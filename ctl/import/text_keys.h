// The text keys of RFC 7143 section 13 as other targets write them, as settings of ours.
#pragma once

#include <cstdint>
#include <string_view>

#include "ctl/config/config.h"

namespace ctl {

enum class KeyTaken : std::uint8_t {
  kYes,
  kNearest,  // the value is out of our range
  kNo,       // no such setting, or not a value of it
};
inline constexpr const char* kOutOfRange = "Outboard's range is smaller";
inline constexpr const char* kNearestTaken = "the nearest value is taken";

// "MaxBurstLength", "65536"
KeyTaken take_text_key(std::string_view key, std::string_view value, Target& target);

}  // namespace ctl
