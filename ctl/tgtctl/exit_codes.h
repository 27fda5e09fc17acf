// What tgtctl's exit codes mean, and how it fails.
#pragma once

#include <cstdio>

#include "base/result.h"

namespace ctl {

inline constexpr int kRefused = 1, kUsage = 2, kNoDaemon = 3, kUnknown = 4;

inline int fail(const base::Error& error, int code) {
  fputs(("tgtctl: " + error.text + "\n").c_str(), stderr);
  return code;
}

}  // namespace ctl
