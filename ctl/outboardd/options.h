// outboardd's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log_format.h"
#include "ctl/outboardd/sandbox.h"

namespace ctl {

struct Options {
  std::string socket, group, state_dir, config, secrets;
  std::vector<int> cores;    // --cores; empty: chosen
  std::size_t reactors = 0;  // 0: one per physical core
  base::Duration busy_poll = std::chrono::microseconds(50);
  bool never_sleep = false;
  base::LogLevel log_level = base::LogLevel::kInfo;
  base::LogFormat log_format = base::LogFormat::kText;
  base::Duration grace = std::chrono::seconds(5);
  Seccomp seccomp = Seccomp::kRefuse;
  int take_over = -1;  // descriptor of an upgrade in place (ctl/upgrade); -1: none
};

struct OptionsResult {
  std::optional<Options> options;  // absent: nothing is to be run
  int exit_code = 0;
  std::string output;  // help, version, or what is wrong
};

OptionsResult parse_options(int argc, const char* const* argv);

}  // namespace ctl
