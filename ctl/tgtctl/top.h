// tgtctl top: what ports, sessions and logical units do per second, from the difference of two answers of `stats`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ctl/rpc/json.h"

namespace ctl {

enum class TopSort : std::uint8_t { kIops, kThroughput, kLatency, kErrors, kName };

struct TopOptions {
  std::string socket;
  std::vector<std::string> of;  // as `stats` takes it; empty: all
  std::chrono::milliseconds interval = std::chrono::seconds(1);
  std::uint64_t count = 0;  // samples; 0: until it is interrupted
  TopSort sort = TopSort::kIops;
  bool batch = false;  // one table after the other, for scripts
  bool json = false;   // batch, and each sample as one line of JSON
};

// One object for each row of `after`: rates per second, and quantiles of the latency of what ended in between. What was
// not there `before` has done all of it since then.
Json rates_between(const Json& before, const Json& after, double seconds);
// Ports, then sessions, then logical units; within each kind the most first.
void sort_rates(Json& rates, TopSort sort);
std::string format_rates(const Json& rates);

// Runs until the count is reached, the user ends it or the daemon is gone. The exit code of tgtctl.
int run_top(const TopOptions& options);

}  // namespace ctl
