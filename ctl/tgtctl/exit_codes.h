// What tgtctl's exit codes mean.
#pragma once

namespace ctl {

inline constexpr int kRefused = 1, kUsage = 2, kNoDaemon = 3, kUnknown = 4;

}  // namespace ctl
