// What a configuration of the fabric must hold.
#include <algorithm>
#include <set>

#include "base/log.h"
#include "fabrics/iscsi/address.h"
#include "fabrics/iscsi/names.h"
#include "fabrics/iscsi/service.h"

namespace iscsi {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kMinSecret = 12, kMaxSecret = 255;  // 96 bits: RFC 7143 9.2.1
constexpr std::size_t kMaxUser = 255;
constexpr std::uint16_t kMaxWindow = 4096;

Result<void> check_account(const Account& account, const std::string& where) {
  const auto bad_secret = [](const std::string& secret) {
    return secret.size() < kMinSecret || secret.size() > kMaxSecret;
  };
  const auto bad_user = [](const std::string& user) {
    return user.empty() || user.size() > kMaxUser || user.find('\0') != std::string::npos;
  };
  if (bad_user(account.user)) return fail(Errc::kInvalid, where + ": a user name has 1 to 255 characters");
  const std::string who = where + ": user " + base::escaped(account.user);
  if (bad_secret(account.secret)) return fail(Errc::kInvalid, who + ": a secret has 12 to 255 characters");
  if (account.mutual_user.empty() && account.mutual_secret.empty()) return {};
  if (bad_user(account.mutual_user)) return fail(Errc::kInvalid, who + ": a mutual user name has 1 to 255 characters");
  if (bad_secret(account.mutual_secret)) {
    return fail(Errc::kInvalid, who + ": a mutual secret has 12 to 255 characters");
  }
  return {};
}

// No secret may prove two identities: then one could be made to vouch for the other (RFC 7143 9.2.1).
Result<void> check_authentication(const Authentication& authentication, const std::string& where) {
  std::set<std::string> users, secrets;
  for (const Account& account : authentication.accounts) {
    TRY(check_account(account, where));
    const std::string who = where + ": user " + base::escaped(account.user);
    if (!users.insert(account.user).second) return fail(Errc::kInvalid, who + ": defined twice");
    if (!secrets.insert(account.secret).second) {
      return fail(Errc::kInvalid, who + ": its secret is another user's, too");
    }
  }
  for (const Account& account : authentication.accounts) {
    if (!account.mutual_secret.empty() && secrets.contains(account.mutual_secret)) {
      return fail(Errc::kInvalid,
                  where + ": user " + base::escaped(account.user) + ": the mutual secret must not be an initiator's");
    }
  }
  if (authentication.radius &&
      (!authentication.required || std::find(authentication.algorithms.begin(), authentication.algorithms.end(),
                                             ChapAlgorithm::kMd5) == authentication.algorithms.end())) {
    return fail(Errc::kInvalid, where + ": RADIUS knows MD5 only");
  }
  const std::set<ChapAlgorithm> algorithms(authentication.algorithms.begin(), authentication.algorithms.end());
  if (algorithms.empty() || algorithms.size() != authentication.algorithms.size()) {
    return fail(Errc::kInvalid, where + ": the CHAP algorithms must be named, each once");
  }
  return {};
}

Result<void> check_redirection(const Redirection& redirection, const std::string& where) {
  if (redirection.address.empty() ? !redirection.permanent : names_portal(redirection.address)) return {};
  return fail(Errc::kInvalid, where + ": a redirection is to host:port or [address]:port");
}

Result<void> check_access(const Target& target, const std::string& where) {
  for (const std::string& subnet : target.initiator_addresses) {
    if (!Subnet::parse(subnet)) {
      return fail(Errc::kInvalid, where + ": \"" + base::escaped(subnet) +
                                      "\" is no address or subnet, as 192.0.2.0/24 or 2001:db8::/32");
    }
  }
  return check_redirection(target.redirection, where);
}

Result<void> check_keys(const TargetKeys& keys, const std::string& where) {
  const auto within = [](std::uint32_t value, std::uint32_t least, std::uint32_t most) {
    return value >= least && value <= most;
  };
  if (!within(keys.max_recv_data_segment_length, TargetKeys::kLeastLength, TargetKeys::kMostData) ||
      !within(keys.max_burst_length, TargetKeys::kLeastLength, TargetKeys::kMostBurst) ||
      !within(keys.first_burst_length, TargetKeys::kLeastLength, TargetKeys::kMostFirstBurst)) {
    return fail(Errc::kInvalid, where + ": a length is out of range");
  }
  if (!within(keys.max_outstanding_r2t, 1, TargetKeys::kMostR2t)) {
    return fail(Errc::kInvalid, where + ": a task has 1 to 4 R2Ts at a time");
  }
  if (keys.default_time2wait > TargetKeys::kMostTime || keys.default_time2retain > TargetKeys::kMostTime) {
    return fail(Errc::kInvalid, where + ": times are at most an hour");
  }
  return {};
}

Result<void> check_target(const Target& target) {
  const std::string where = "target " + base::escaped(target.name, kMaxName);
  if (!normalized_name(target.name)) return fail(Errc::kInvalid, where + ": not an iqn., eui. or naa. name");
  if (target.alias.size() > 255) return fail(Errc::kInvalid, where + ": an alias has at most 255 characters");
  const std::set<std::uint16_t> groups(target.portal_groups.begin(), target.portal_groups.end());
  if (groups.size() != target.portal_groups.size()) return fail(Errc::kInvalid, where + ": a portal group comes twice");
  if (target.relative_port_ids.size() > target.portal_groups.size()) {
    return fail(Errc::kInvalid, where + ": more relative port identifiers than portal groups");
  }
  if (target.command_window == 0 || target.command_window > kMaxWindow) {
    return fail(Errc::kInvalid, where + ": the command window is 1 to 4096");
  }
  TRY(check_access(target, where));
  if (target.max_connections == 0 || target.max_connections > kMaxSessionConnections) {
    return fail(Errc::kInvalid, where + ": a session has 1 to 8 connections");
  }
  if (target.error_recovery_level > kMaxErrorRecoveryLevel) {
    return fail(Errc::kInvalid, where + ": there is no such error recovery level");
  }
  TRY(check_keys(target.keys, where));
  return check_authentication(target.authentication, where);
}

}  // namespace

Result<void> FabricConfig::validate() const {
  std::set<std::string> names;
  std::set<std::uint16_t> relative_ids;
  for (const Target& target : targets) {
    TRY(check_target(target));
    if (!names.insert(*normalized_name(target.name)).second) {
      return fail(Errc::kInvalid, "target " + base::escaped(target.name, kMaxName) + " is defined twice");
    }
    for (const std::uint16_t id : target.relative_port_ids) {
      if (id != 0 && !relative_ids.insert(id).second) {
        return fail(Errc::kInvalid, "relative port identifier " + std::to_string(id) + " is given twice");
      }
    }
  }
  for (const Portal& portal : portals) {
    if (portal.address.rfind(':') == std::string::npos) {
      return fail(Errc::kInvalid, "portal " + base::escaped(portal.address) + ": an address needs a port");
    }
    TRY(check_redirection(portal.redirection, "portal " + base::escaped(portal.address)));
  }
  if (limits.login_timeout.count() <= 0 || limits.nop_interval.count() < 0 || limits.nop_timeout.count() <= 0) {
    return fail(Errc::kInvalid, "the time limits must be positive");
  }
  const bool asked = discovery.radius || std::any_of(targets.begin(), targets.end(),
                                                     [](const Target& target) { return target.authentication.radius; });
  if (asked && radius.addresses.empty()) return fail(Errc::kInvalid, "there is no RADIUS server to ask");
  return check_authentication(discovery, "discovery");
}

}  // namespace iscsi
