// `tgtctl capture`: writes what portals send and receive to a pcapng file.
#pragma once

#include "ctl/tgtctl/command_line.h"

namespace ctl {

int run_capture(const CaptureInvocation& invocation);  // returns the exit code

}  // namespace ctl
