// Reading secrets from a file, a descriptor or the terminal.
#pragma once

#include <string>

#include "base/result.h"
#include "ctl/config/secret.h"
#include "ctl/tgtctl/command_line.h"

namespace ctl {

// A file must not be readable by others. One newline at the end is dropped.
base::Result<Secret> read_secret(const SecretSource& source);
base::Result<std::string> read_text_file(const std::string& path);  // "-" is standard input

}  // namespace ctl
