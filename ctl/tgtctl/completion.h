// Completing a command line, for shells and for tgtctl's own.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ctl/tgtctl/grammar.h"

namespace ctl {

struct Candidate {
  std::string text, help;
};

struct Completion {
  std::vector<Candidate> candidates;  // each begins with what is there already
  bool files = false;                 // or the name of a file
};

// What this method's rows call `key`; empty when nobody can be asked.
using NamesOf = std::function<std::vector<std::string>(const std::string& method, const std::string& key)>;

// `before`: the words in front of `current`, without the program's name.
Completion complete(const Grammar& program, std::span<const std::string> before, const std::string& current,
                    const NamesOf& names);

// Those of the daemon at this socket, which is not waited for long.
std::vector<std::string> names_from(const std::string& socket, const std::string& method, const std::string& key);

// tgtctl __complete WORD...: a line for each candidate, its help behind a tab; ":files" as the last one. The exit code.
int run_completion(std::span<const std::string> words);

// A script for this shell that asks tgtctl; nullptr: none.
const char* completion_script(const std::string& shell);

}  // namespace ctl
