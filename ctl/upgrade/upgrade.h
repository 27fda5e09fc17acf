// An upgrade in place as those who ask for it see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"

namespace ctl {

struct UpgradeOptions {
  base::Duration wait = std::chrono::milliseconds(1500);  // for sessions to come to rest
  bool force = false;                                     // those that do not are dropped; else nothing happens
};
struct UpgradeReport {
  std::string version;     // of the new daemon
  std::uint64_t pid = 0;   // likewise
  base::Duration pause{};  // in which initiators were not heard
  std::size_t sessions = 0, connections = 0, logical_units = 0;
};

}  // namespace ctl
