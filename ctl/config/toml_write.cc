// From a configuration to TOML: in a fixed order, without what is at its default.
#include <fmt/format.h>

#include "ctl/config/fields.h"
#include "ctl/config/toml.h"

namespace ctl {

std::string write_config(const Config& config) {
  std::string out;
  for (const Entry& entry : entries_of(config)) {
    if (entry.single && entry.fields.empty()) continue;
    const std::string header = entry.single ? entry.section : "[" + entry.section + "]";
    out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", header);
    for (const auto& [key, value] : entry.fields) out += fmt::format("{} = {}\n", key, value);
  }
  return out;
}

std::string write_secrets(const Config& config) {
  std::string out;
  for (const User& user : config.users) {
    out += fmt::format("[{}]\nsecret = {}\n", toml_quoted(user.name), toml_quoted(user.secret.reveal()));
    if (!user.mutual_secret.empty())
      out += fmt::format("mutual_secret = {}\n", toml_quoted(user.mutual_secret.reveal()));
  }
  return out;
}

}  // namespace ctl
