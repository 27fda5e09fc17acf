// A configuration as a flat list of entries with fields: what the TOML writer prints and what a difference compares.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ctl/config/config.h"

namespace ctl {

struct Entry {
  std::string section;                                      // "lu"
  std::string name;                                         // identifies it among those of its section
  bool single = false;                                      // [section] rather than [[section]]
  std::vector<std::pair<std::string, std::string>> fields;  // key and TOML value; what is at its default is left out
};

// In a fixed order: that of the sections, then that of the configuration. No secrets.
std::vector<Entry> entries_of(const Config& config);
std::string toml_quoted(std::string_view text);

}  // namespace ctl
