// tgtctl shell: commands line by line, with history and completion on a terminal.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ctl {

struct ShellOptions {
  std::string socket;
  bool json = false;
};

// As a POSIX shell cuts a line: at blanks, with '...', "..." and \, up to a # that begins a word.
base::Result<std::vector<std::string>> split_words(const std::string& line);

// Each line is a tgtctl of its own, so Ctrl-C ends that and not the shell. Without a terminal the first line that fails
// ends it, with its exit code.
int run_shell(const ShellOptions& options);

}  // namespace ctl
