// The name under which the process logs, as against what it controls (ctl/log.h).
#pragma once

#include "base/log.h"

namespace ctl {

inline constexpr base::Logger kProcessLog("outboardd");

}  // namespace ctl
