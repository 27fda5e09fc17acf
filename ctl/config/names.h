// The syntax of names and addresses in a configuration.
#pragma once

#include <string>

namespace ctl {

bool valid_name(const std::string& name);            // of a logical unit or group: 1-64 of A-Z a-z 0-9 . _ -
bool valid_iscsi_name(const std::string& name);      // RFC 7143 4.2.7: lower case, at most 223 bytes
bool valid_initiator_pattern(const std::string& p);  // a name or WWPN with * and ?
bool valid_wwpn_pattern(const std::string& p);       // a WWPN, colons or none, with * and ?
bool valid_device_address(const std::string& text);  // 0000:3b:00.0, unix:/absolute/path
bool valid_portal_address(const std::string& text);  // 192.0.2.1:3260, [2001:db8::1]:3260; port 0 picks one
bool valid_path(const std::string& text);  // absolute, below 4,096 bytes, UTF-8 (RFC 3629) as files of TOML are
bool printable_ascii(const std::string& text);

}  // namespace ctl
