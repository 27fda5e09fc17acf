// tgtctl events: what happened lately, or what happens, as lines.
#pragma once

#include <string>

#include "ctl/rpc/json.h"

namespace ctl {

struct EventsOptions {
  std::string socket;
  bool follow = false;  // what happens from now on, until it is interrupted or the daemon is gone
  bool json = false;    // one object a line
};

// Lines for an answer of `event.list`; what was lost comes first.
std::string format_events(const Json& answer, bool json);

int run_events(const EventsOptions& options);  // the exit code of tgtctl

}  // namespace ctl
