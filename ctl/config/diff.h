// The difference of two configurations, for people: what an apply would do.
#pragma once

#include <string>
#include <vector>

#include "ctl/config/config.h"

namespace ctl {

struct Change {
  enum class Kind : char { kAdd = '+', kRemove = '-', kModify = '~' };
  Kind kind = Kind::kModify;
  std::string what;                  // "lu disk0"
  std::vector<std::string> details;  // "size = \"1 GiB\"" for an addition, "size: \"1 GiB\" -> \"2 GiB\"" for a change
};

std::vector<Change> diff(const Config& before, const Config& after);
std::string format_change(const Change& change);  // "~ lu disk0: size: \"1 GiB\" -> \"2 GiB\""

}  // namespace ctl
