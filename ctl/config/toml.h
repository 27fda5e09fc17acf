// The TOML form of a configuration: reading it with every fault named by file, line and column, and writing it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ctl/config/config.h"

namespace ctl {

struct SecretsText {      // [USER] tables with secret and mutual_secret
  std::string_view text;  // may be empty
  std::string origin = "secrets";
};

// Reads and checks. `origin` is what errors call the text, e.g. its file name. Secrets are not part of the text: users
// take theirs from `secrets`, else from `known`, by name. An error lists all faults, one a line:
// "outboard.toml:12:8: ...". No error quotes a value that could be a secret.
base::Result<Config> parse_config(std::string_view text, const std::string& origin, const SecretsText& secrets = {},
                                  const Config* known = nullptr);
// parse_config reads it back; secrets are left out.
std::string write_config(const Config& config);

struct KnownSection {
  std::string name;     // "lu"
  bool single = false;  // [name] rather than [[name]]
  std::vector<std::string> keys;
};
// All that parse_config() knows, in its order.
std::vector<KnownSection> known_sections();

// Gives the users of `config` their secrets from the text of a secrets file.
base::Result<void> take_secrets(std::string_view text, const std::string& origin, Config& config);
std::string write_secrets(const Config& config);  // the only text with secrets in it: for a file of mode 0600

}  // namespace ctl
