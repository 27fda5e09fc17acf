// Guarded parsing and printing of JSON.
#include "ctl/rpc/json.h"

namespace ctl {
namespace {

constexpr int kMaxDepth = 32;

// False when brackets nest deeper than kMaxDepth; text inside quotes does not count.
bool shallow(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

}  // namespace

base::Result<Json> parse_json(std::string_view text) {
  if (!shallow(text)) return base::fail(base::Errc::kInvalid, "JSON is nested too deeply");
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return base::fail(base::Errc::kInvalid, "not JSON");
  return value;
}

std::string print_json(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace ctl
