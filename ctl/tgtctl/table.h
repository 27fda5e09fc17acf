// Aligned columns for people.
#pragma once

#include <string>
#include <vector>

namespace ctl {

// The first row is the heading. Cells lose control characters (they may come from peers); numbers align to the right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ctl
