// The man page of the configuration, made of what its reader knows and of the help of the methods that set the same.
#pragma once

#include <string>

namespace ctl {

std::string config_page(const std::string& version);
// What a key is for; empty: nobody has said so.
std::string help_of_key(const std::string& section, const std::string& key);

}  // namespace ctl
