// A log line as JSON (RFC 8259), whatever bytes it has.
#include <fmt/args.h>

#include "base/log_format.h"

namespace base {
namespace {

constexpr int kMostArguments = 16;

// Bytes that are not ASCII become the characters of ISO 8859-1, so that the line is valid whatever a message holds.
void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// With the arguments' own formats left out: "{:02x}" is told as "{}".
std::string event_name(std::string_view format) {
  std::string name;
  bool within = false;
  for (const char c : format) {
    if (c == '{') within = true;
    if (!within || c == '{' || c == '}') name.push_back(c);
    if (c == '}') within = false;
  }
  return name;
}

}  // namespace

std::string json_members(std::string_view logger, std::string_view message, fmt::string_view event,
                         fmt::format_args arguments) {
  std::string out = "\"logger\":";
  append_quoted(out, logger);
  out += ",\"message\":";
  append_quoted(out, message);
  out += ",\"event\":";
  append_quoted(out, event_name({event.data(), event.size()}));
  out += ",\"arguments\":[";
  for (int i = 0; i < kMostArguments && arguments.get(i); ++i) {
    if (i != 0) out.push_back(',');
    append_quoted(out, fmt::vformat(fmt::format("{{{}}}", i), arguments));
  }
  out.push_back(']');
  return out;
}

}  // namespace base
