// `tgtctl import`: reads the configuration of another target, writes ours or applies it.
#pragma once

#include "ctl/tgtctl/command_line.h"

namespace ctl {

int run_import(const ImportInvocation& invocation);  // returns the exit code

}  // namespace ctl
