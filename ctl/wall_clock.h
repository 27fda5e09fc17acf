// The time of day, for people and Prometheus: it may jump, and decides nothing.
#pragma once

#include <chrono>

namespace ctl {

// Since 1970, UTC.
inline std::chrono::nanoseconds wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace ctl
