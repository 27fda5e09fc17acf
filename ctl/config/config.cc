// Lookups in a configuration, and its names for values.
#include "ctl/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "ctl/config/target_keys.h"

namespace ctl {
namespace {

constexpr std::array<std::pair<StoreKind, const char*>, 4> kStoreKinds = {
    {{StoreKind::kRam, "ram"}, {StoreKind::kFile, "file"}, {StoreKind::kBlock, "block"}, {StoreKind::kNull, "null"}}};
constexpr std::array<std::pair<iscsi::ChapAlgorithm, const char*>, 4> kAlgorithms = {
    {{iscsi::ChapAlgorithm::kSha3_256, "sha3-256"},
     {iscsi::ChapAlgorithm::kSha256, "sha256"},
     {iscsi::ChapAlgorithm::kSha1, "sha1"},
     {iscsi::ChapAlgorithm::kMd5, "md5"}}};
constexpr std::array<std::pair<iscsi::DigestUse, const char*>, 3> kDigestUses = {
    {{iscsi::DigestUse::kAny, "any"}, {iscsi::DigestUse::kRequired, "required"}, {iscsi::DigestUse::kNone, "none"}}};

template <class Table, class Value>
const char* name_in(const Table& table, Value value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return "?";
}

template <class Value, class Table>
base::Result<Value> value_in(const Table& table, const std::string& name) {
  std::string known;
  for (const auto& [value, candidate] : table) {
    if (name == candidate) return value;
    known += known.empty() ? candidate : fmt::format(", {}", candidate);
  }
  return base::fail(base::Errc::kInvalid, "must be one of " + known);
}

template <class Vector>
auto* named(Vector& vector, const std::string& name) {
  const auto found = std::find_if(vector.begin(), vector.end(), [&](const auto& item) { return item.name == name; });
  return found == vector.end() ? nullptr : &*found;
}

iscsi::Authentication authentication(const Access& access, const Config& config) {
  iscsi::Authentication made;
  made.required = access.chap;
  made.radius = access.radius;
  made.algorithms = access.algorithms;
  for (const User& user : config.users) {
    if (std::find(access.users.begin(), access.users.end(), user.name) == access.users.end()) continue;
    made.accounts.push_back({user.name, user.secret.reveal(), user.mutual_user, user.mutual_secret.reveal()});
  }
  return made;
}

}  // namespace

LogicalUnit* Config::find_lu(const std::string& name) {
  const auto found = std::find_if(logical_units.begin(), logical_units.end(),
                                  [&](const LogicalUnit& lu) { return lu.unit.name == name; });
  return found == logical_units.end() ? nullptr : &*found;
}
Target* Config::find_target(const std::string& name) { return named(targets, name); }
User* Config::find_user(const std::string& name) { return named(users, name); }
FcPort* Config::find_fc_port(const std::string& name) { return named(fc_ports, name); }

iscsi::FabricConfig fabric_config(const Config& config) {
  iscsi::FabricConfig fabric;
  fabric.portals = config.portals;
  fabric.limits = config.limits;
  fabric.discovery = authentication(config.discovery, config);
  fabric.listing = config.listing;
  fabric.radius = config.radius;
  fabric.isns = config.isns;
  for (const Target& target : config.targets) {
    fabric.targets.push_back({.name = target.name,
                              .alias = target.alias,
                              .portal_groups = target.portal_groups,
                              .relative_port_ids = target.relative_port_ids,
                              .authentication = authentication(target.access, config),
                              .initiators = target.initiators,
                              .initiator_addresses = target.initiator_addresses,
                              .command_window = target.command_window,
                              .max_connections = target.max_connections,
                              .max_sessions = target.max_sessions,
                              .max_logins_per_second = target.max_logins_per_second,
                              .max_commands = target.max_commands,
                              .redirection = target.redirection,
                              .report_changes = target.report_changes,
                              .error_recovery_level = target.error_recovery_level,
                              .keys = target.keys});
  }
  return fabric;
}

fcp::FabricConfig fcp_config(const std::vector<FcPort>& ports) {
  fcp::FabricConfig fabric;
  for (const FcPort& port : ports) {
    fabric.ports.push_back({.name = port.name,
                            .online = port.enabled,
                            .initiators = port.initiators,
                            .relative_id = port.relative_port_id,
                            .report_changes = port.report_changes});
  }
  return fabric;
}

const char* store_kind_name(StoreKind kind) { return name_in(kStoreKinds, kind); }
base::Result<StoreKind> parse_store_kind(const std::string& name) { return value_in<StoreKind>(kStoreKinds, name); }
const char* authentication_key(const Access& access) {
  return access.radius ? "radius" : access.chap ? "chap" : "none";
}
base::Result<void> parse_authentication(const std::string& name, Access& access) {
  if (name != "none" && name != "chap" && name != "radius") {
    return base::fail(base::Errc::kInvalid, "must be none, chap or radius");
  }
  access.chap = name != "none";
  access.radius = name == "radius";
  return {};
}
const char* algorithm_key(iscsi::ChapAlgorithm algorithm) { return name_in(kAlgorithms, algorithm); }
base::Result<iscsi::ChapAlgorithm> parse_chap_algorithm(const std::string& name) {
  return value_in<iscsi::ChapAlgorithm>(kAlgorithms, name);
}
const char* digest_use_key(iscsi::DigestUse use) { return name_in(kDigestUses, use); }
base::Result<iscsi::DigestUse> parse_digest_use(const std::string& name) {
  return value_in<iscsi::DigestUse>(kDigestUses, name);
}

std::string format_naa(const scsi::LuConfig& unit) {
  return fmt::format("{:016x}{:016x}", unit.naa_high, unit.naa_low);
}

base::Result<void> parse_naa(const std::string& text, scsi::LuConfig& unit) {
  const char* const begin = text.data();
  std::uint64_t high = 0, low = 0;
  if (text.size() == 32) {
    const auto first = std::from_chars(begin, begin + 16, high, 16);
    const auto second = std::from_chars(begin + 16, begin + 32, low, 16);
    if (first.ec == std::errc() && first.ptr == begin + 16 && second.ec == std::errc() && second.ptr == begin + 32 &&
        high >> 60 == 6) {
      unit.naa_high = high;
      unit.naa_low = low;
      return {};
    }
  }
  return base::fail(base::Errc::kInvalid,
                    "must be 32 hexadecimal digits that begin with 6 (NAA IEEE Registered Extended)");
}

}  // namespace ctl
