// Which cores carry the data reactors.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace ctl {

base::Result<std::vector<int>> parse_cores(const std::string& text);  // "0-3,8"

// Cores that this process may use: one processing unit of each physical core first, then their siblings. `count` 0: one
// for each physical core.
base::Result<std::vector<int>> choose_cores(std::size_t count);
base::Result<void> check_cores(const std::vector<int>& cores);  // whether this process may use them

}  // namespace ctl
