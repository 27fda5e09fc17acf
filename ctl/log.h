// The name under which the control plane logs.
#pragma once

#include "base/log.h"

namespace ctl {

inline constexpr base::Logger kLog("ctl");

}  // namespace ctl
