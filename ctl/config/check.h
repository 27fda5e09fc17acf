// What must hold between the parts of a configuration: names, ranges, references, secrets.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/config/config.h"

namespace ctl {

// `section`, `index` and `key` say where it is in the TOML form; the parser turns them into line and column.
struct Problem {
  std::string section;  // "lu"
  std::size_t index = 0;
  std::string key;   // empty: the entry as a whole
  std::string text;  // a sentence that names the thing; may hold any bytes of names
};

std::vector<Problem> find_problems(const Config& config);
// The same for a configuration that has no text: all problems in one error, one a line.
base::Result<void> check(const Config& config);

}  // namespace ctl
