// What tgtctl prints of an answer of outboard-emu, for people.
#pragma once

#include <string>

#include "ctl/rpc/json.h"

namespace ctl {

// Texts and lines as they are, things of a kind as a table, single values behind their names.
std::string format_san(const Json& answer);

}  // namespace ctl
