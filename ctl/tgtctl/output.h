// What tgtctl prints of a result, for people.
#pragma once

#include <string>

#include "ctl/rpc/methods.h"

namespace ctl {

std::string format_result(const Method& method, const Json& result);

}  // namespace ctl
