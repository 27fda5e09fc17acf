// JSON as the control plane uses it: parsed and printed without exceptions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ctl {

using Json = nlohmann::json;

// Nesting is limited before the parser sees it. The error says where, not what: the text may hold a secret.
base::Result<Json> parse_json(std::string_view text);
// One line; bytes that are not UTF-8 (names that came from peers) are replaced.
std::string print_json(const Json& value);

}  // namespace ctl
