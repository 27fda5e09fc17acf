// The configuration file and the file of secrets as grammars: every key of every section, with a few values that fit
// together and some that do not.
#pragma once

#include "tests/fuzz/grammar.h"

namespace grammar {

inline constexpr Field kRedirects[] = {{"redirect", "\"192.0.2.7:3260\"|\"[2001:db8::7]:1\"|\"x\"|\"\""},
                                       {"redirect_permanent", "true|false|1"}};
inline constexpr std::string_view kTargetNames =
                                      "\"iqn.2026-01.test:a\"|\"iqn.2026-01.test:b\"|\"eui.02004567a425678d\"|\"A\"",
                                  kInitiatorLists =
                                      "[\"iqn.2026-01.test:host-*\"]|[\"*\", \"?\"]|[]|[\"\"]|[1]|"
                                      "[\"21:00:00:24:ff:00:00:01\"]|\"x\"",
                                  kAuthentications = "\"none\"|\"chap\"|\"radius\"|\"x\"|1",
                                  kUserLists = "[\"alice\"]|[\"alice\", \"bob\"]|[]|[\"alice\", \"alice\"]",
                                  kAlgorithmLists =
                                      "[\"md5\"]|[\"sha3-256\", \"sha256\", \"sha1\"]|[]|[\"x\"]|"
                                      "[\"md5\", \"md5\"]",
                                  kDurations = "\"5s\"|\"0s\"|\"1500ms\"|\"2min\"|\"1h\"|\"-1s\"|\"99999999h\"|\"s\"|5",
                                  kSizes =
                                      "\"1 MiB\"|\"64 MiB\"|1048576|\"1.5 GiB\"|\"10kB\"|0|-1|\"x\"|"
                                      "\"18446744073709551615\"|\"17 PiB\"|true",
                                  kLuNames = "\"disk0\"|\"disk1\"|\"\"|\"a b\"", kFlags = "true|false|\"yes\"|1",
                                  kSmall = "1|0|2|64|1024|65535|65536|-1|\"1\"|1.5",
                                  kWwns = "\"21:00:00:24:ff:00:00:01\"|\"2100001b32000002\"|\"\"|\"0\"|\"x\"";

inline Entry lu() {
  static constexpr Field kFields[] = {
      {"!name", kLuNames},
      {"!backstore", "\"ram\"|\"file\"|\"block\"|\"null\"|\"tape\"|1"},
      {"path", "\"/srv/a\"|\"/srv/b\"|\"/dev/sdx\"|\"relative\"|\"\"|\"/\"|\"/srv/a\\\\b\""},
      {"size", kSizes},
      {"block_size", "512|4096|520|0"},
      {"physical_block_size", "512|4096|65536|513|131072"},
      {"thin", kFlags},
      {"memory_limit", kSizes},
      {"protection_type", "1|2|3|0|4"},
      {"protection_path", "\"/srv/p\"|\"p\"|\"/srv/a\""},
      {"vendor", "\"ACME\"|\"much too long\"|\"\"|\"\\u00e9\""},
      {"product", "\"DISK\"|\"much too long to fit here\""},
      {"revision", "\"1\"|\"12345\""},
      {"serial", "\"SN1\"|\"SN2\"|\"\\u0007\""},
      {"naa", "\"6024f42000000000aabbccddeeff0011\"|\"5\"|\"7024f42000000000aabbccddeeff0011\"|\"\""},
      {"removable", kFlags},
      {"write_protected", kFlags},
      {"write_cache", kFlags},
      {"unknown", "1|\"x\""}};
  return kFields;
}
inline Entry portal() {
  static constexpr Field kFields[] = {
      {"!address", "\"127.0.0.1:3260\"|\"[::1]:3261\"|\"0.0.0.0:0\"|\"x\"|\"1.2.3.4\"|\"[::]:99999\""},
      {"group", kSmall},
      {"max_connections", kSmall},
      {"max_sessions", kSmall},
      {"max_logins_per_second", kSmall},
      kRedirects[0],
      kRedirects[1]};
  return kFields;
}
inline Entry target() {
  static constexpr Field kFields[] = {
      {"!name", kTargetNames},
      {"alias", "\"all disks\"|\"\"|\"\\u0000\"|\"C:\\\\disks\"|\"the \\\"fast\\\" ones\""},
      {"portal_groups", "[1]|[1, 2]|[]|[1, 1]|[65536]|1"},
      {"relative_port_ids", "[1]|[1, 2]|[0]|[1, 1]"},
      {"authentication", kAuthentications},
      {"users", kUserLists},
      {"algorithms", kAlgorithmLists},
      {"initiators", kInitiatorLists},
      {"initiator_addresses", "[\"192.0.2.0/24\"]|[\"2001:db8::1\"]|[\"x\"]|[\"1.2.3.4/33\"]|[]"},
      {"command_window", kSmall},
      {"max_connections", "1|8|9|0"},
      {"max_sessions", kSmall},
      {"max_logins_per_second", kSmall},
      {"max_commands", kSmall},
      {"report_changes", kFlags},
      {"error_recovery_level", "0|1|2|3"},
      {"header_digest", "\"any\"|\"required\"|\"none\"|\"CRC32C\""},
      {"data_digest", "\"any\"|\"required\"|\"none\"|1"},
      {"initial_r2t", kFlags},
      {"immediate_data", kFlags},
      {"max_recv_data_segment_length", "512|262144|511|262145"},
      {"max_burst_length", "512|16776192|511|16776193"},
      {"first_burst_length", "512|262144|511|262145"},
      {"max_outstanding_r2t", "1|4|0|5"},
      {"default_time2wait", "0|3600|3601"},
      {"default_time2retain", "0|3600|-1"},
      kRedirects[0],
      kRedirects[1]};
  return kFields;
}
inline Entry fc_port() {
  static constexpr Field kFields[] = {{"!name", "\"fc0\"|\"fc1\"|\"vp\"|\"disk0\"|\"\""},
                                      {"device", "\"0000:3b:00.0\"|\"unix:/run/a\"|\"unix:a\"|\"x\""},
                                      {"parent", "\"fc0\"|\"vp\"|\"nobody\""},
                                      {"wwpn", kWwns},
                                      {"wwnn", kWwns},
                                      {"loop", kFlags},
                                      {"confirmed_completion", kFlags},
                                      {"dual_role", kFlags},
                                      {"report_changes", kFlags},
                                      {"queues", "1|255|0|256"},
                                      {"enabled", kFlags},
                                      {"initiators", kInitiatorLists},
                                      {"relative_port_id", kSmall}};
  return kFields;
}
inline Entry host_group() {
  static constexpr Field kFields[] = {{"!name", "\"hosts\"|\"cluster\"|\"\""}, {"initiators", kInitiatorLists}};
  return kFields;
}
inline Entry target_group() {
  static constexpr Field kFields[] = {{"!name", "\"front\"|\"back\"|\"iqn.2026-01.test:a\""},
                                      {"targets", "[\"iqn.2026-01.test:a\"]|[\"fc0\"]|[]|[\"nobody\"]|[\"\", \"\"]"}};
  return kFields;
}
inline Entry view() {
  static constexpr Field kFields[] = {{"!lu", kLuNames},
                                      {"!lun", "0|1|255|256|16383|16384|-1|\"0\""},
                                      {"host_group", "\"hosts\"|\"cluster\"|\"nobody\"|\"\""},
                                      {"target_group", "\"front\"|\"iqn.2026-01.test:a\"|\"fc0\"|\"nobody\""},
                                      {"read_only", kFlags}};
  return kFields;
}
inline Entry user() {
  static constexpr Field kFields[] = {{"!name", "\"alice\"|\"bob\"|\"carol\"|\"\""},
                                      {"mutual_user", "\"outboard\"|\"\"|\"alice\""}};
  return kFields;
}
inline Entry discovery() {
  static constexpr Field kFields[] = {{"authentication", kAuthentications},
                                      {"users", kUserLists},
                                      {"algorithms", kAlgorithmLists},
                                      {"list_forbidden", kFlags},
                                      {"list_other_portal_groups", kFlags}};
  return kFields;
}
inline Entry limits() {
  static constexpr Field kFields[] = {{"max_connections", kSmall},     {"max_logins", kSmall},
                                      {"max_logins_per_peer", kSmall}, {"login_timeout", kDurations},
                                      {"nop_interval", kDurations},    {"nop_timeout", kDurations}};
  return kFields;
}
inline Entry metrics() {
  static constexpr Field kFields[] = {{"listen", "\"127.0.0.1:9480\"|\"\"|\"x\"|\"[::1]:0\""}, {"sessions", kFlags}};
  return kFields;
}
inline Entry radius() {
  static constexpr Field kFields[] = {
      {"servers", "[\"192.0.2.5:1812\"]|[\"x\"]|[]|[\"192.0.2.5:1812\", \"[::1]:1812\"]"},
      {"secret_file", "\"/etc/secret\"|\"secret\"|\"\""},
      {"nas_identifier", "\"nas\"|\"\""},
      {"timeout", kDurations},
      {"tries", "1|10|11|0"}};
  return kFields;
}
inline Entry isns() {
  static constexpr Field kFields[] = {{"!server", "\"192.0.2.6:3205\"|\"[::1]:3205\"|\"x\""},
                                      {"entity", "\"e\"|\"\"|\" \""},
                                      {"period", kDurations},
                                      {"inquiry_interval", kDurations},
                                      {"access_control", kFlags}};
  return kFields;
}
inline Entry config() {
  static constexpr Field kFields[] = {{"stray", "1|\"x\"|1979-05-27|{ a = 1 }"},
                                      {"lu", "", lu},
                                      {"portal", "", portal},
                                      {"target", "", target},
                                      {"fc_port", "", fc_port},
                                      {"host_group", "", host_group},
                                      {"target_group", "", target_group},
                                      {"view", "", view},
                                      {"user", "", user},
                                      {"discovery", "", discovery, true},
                                      {"limits", "", limits, true},
                                      {"metrics", "", metrics, true},
                                      {"radius", "", radius, true},
                                      {"isns", "", isns},
                                      {"portal", "", portal, true},
                                      {"limits", "", limits}};
  return kFields;
}
inline Entry secret() {
  static constexpr Field kFields[] = {{"secret", "\"correct-horse-battery\"|\"staple-in-the-wall\"|\"short\"|1"},
                                      {"mutual_secret", "\"staple-in-the-wall\"|\"another-word-for-it\"|\"\""},
                                      {"other", "1|\"staple-in-the-wall\""}};
  return kFields;
}
inline Entry secrets() {
  static constexpr Field kFields[] = {
      {"alice", "", secret, true}, {"bob", "", secret, true}, {"mallory", "", secret, true}, {"staple", "1|\"x\""}};
  return kFields;
}

inline std::string make_config(Input& input) { return Maker(input, Syntax::kToml).make(config()); }
inline std::string make_secrets(Input& input) { return Maker(input, Syntax::kToml).make(secrets()); }

}  // namespace grammar
