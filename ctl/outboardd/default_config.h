// What outboardd serves when nobody has told it anything: a RAM disk and a file, on this machine only.
#pragma once

#include <fmt/format.h>

#include <string>

#include "ctl/config/fields.h"

namespace ctl {

inline std::string default_config(const std::string& state_dir) {
  return fmt::format(R"(
[[lu]]
name = "ram0"
backstore = "ram"
size = "64 MiB"

[[lu]]
name = "file0"
backstore = "file"
path = {}
size = "256 MiB"

[[portal]]
address = "127.0.0.1:3260"

[[target]]
name = "iqn.2026-01.org.example:outboard"
alias = "Outboard's default target"

[[view]]
lu = "ram0"
lun = 0

[[view]]
lu = "file0"
lun = 1
)",
                     toml_quoted(state_dir + "/file0.img"));
}

}  // namespace ctl
