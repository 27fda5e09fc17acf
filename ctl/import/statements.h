// The text formats as trees: a statement is words, its place, and the statements between its braces or tags.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ctl/import/machine_facts.h"

namespace ctl {

struct Statement {
  std::vector<std::string> words;
  std::string file;
  unsigned line = 0;
  std::vector<Statement> inner;
  bool block = false;  // written with braces or tags, even if nothing is in them

  const std::string& word(std::size_t index) const;  // empty if there are fewer
  std::string rest(std::size_t index) const;         // the words from there on, with spaces between
};

inline constexpr std::size_t kMaxStatements = 200'000;
inline constexpr std::size_t kMaxNesting = 16;

// Config::General as tgt-admin uses it: `key value`, `key = value`, <tag NAME> ... </tag>, include with patterns.
// Included files are read through `machine`.
base::Result<std::vector<Statement>> parse_tgt_conf(std::string_view text, const std::string& file,
                                                    const MachineFacts& machine);
// scstadmin's: `KEY value { ... }`.
base::Result<std::vector<Statement>> parse_scst_conf(std::string_view text, const std::string& file);

}  // namespace ctl
