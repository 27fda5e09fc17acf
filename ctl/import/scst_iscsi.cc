// scst.conf: the iSCSI driver, its targets, portals and users.
#include <algorithm>

#include "ctl/import/scst_reader.h"
#include "ctl/import/text_keys.h"
#include "ctl/import/words.h"

namespace ctl {
namespace {

// What follows the key: "joe secret" is one word or two.
std::pair<std::string, std::string> split_value(const Statement& statement) {
  const std::string all = statement.rest(1);
  const std::size_t space = all.find(' ');
  return {all.substr(0, space), space == std::string::npos ? std::string() : all.substr(space + 1)};
}

}  // namespace

void ScstReader::accounts(const Statement& section, Access& access, const std::string& path) {
  const Statement* outgoing = nullptr;
  for (const Statement& each : section.inner) {
    if (without_number(each.word(0)) == "OutgoingUser") outgoing = &each;
  }
  for (const Statement& each : section.inner) {
    if (without_number(each.word(0)) != "IncomingUser") continue;
    access.chap = true;
    const auto [user, secret] = split_value(each);
    Account account{user, {}, Secret(secret), {}};
    if (outgoing != nullptr) {
      account.mutual_user = split_value(*outgoing).first;
      account.mutual_secret = Secret(split_value(*outgoing).second);
    }
    if (draft_.add_account(account, {each.file, each.line, path})) access.users.push_back(user);
  }
  if (outgoing != nullptr && !access.chap)
    lost(*outgoing, path, "the target proves itself only to initiators that do so, too", "it is passed over");
}

void ScstReader::iscsi_driver(const Statement& section) {
  if (!enabled(section)) {
    return lost(section, "TARGET_DRIVER iscsi", "the driver is not enabled", "its targets are left out");
  }
  accounts(section, draft_.config.discovery, "TARGET_DRIVER iscsi");
  portals(section);
  for (const Statement& each : section.inner) {
    const std::string_view word = without_number(each.word(0));
    if (word == "TARGET") {
      iscsi_target(each);
    } else if (word == "iSNSServer") {
      name_server(each);
    } else if (!among(word, {"enabled", "IncomingUser", "OutgoingUser", "link_local"})) {
      lost(each, "TARGET_DRIVER iscsi", kNoSetting, "it is passed over");
    }
  }
}

// An address, and "AccessControl" when its discovery domains say who may log in.
void ScstReader::name_server(const Statement& statement) {
  const auto [host, word] = split_value(statement);
  iscsi::IsnsServer server{portal_address(host, kIsnsPort)};
  if (server.address.empty() || (!word.empty() && lower_case(word) != "accesscontrol")) {
    return lost(statement, "TARGET_DRIVER iscsi",
                "that is no address of a server, or more than AccessControl behind it", "targets are not registered");
  }
  server.access_control = !word.empty();
  draft_.config.isns.push_back(std::move(server));
}

// A listener on all addresses and one on a single address exclude each other: all targets name theirs, or none does.
void ScstReader::portals(const Statement& driver) {
  for (const Statement& target : driver.inner) {
    if (target.word(0) != "TARGET" || !enabled(target)) continue;
    bool any = false;
    for (const Statement& each : target.inner) {
      if (without_number(each.word(0)) != "allowed_portal") continue;
      any = true;
      portals_exact_ &= !portal_address(each.word(1), 3260).empty();
    }
    portals_exact_ &= any;
  }
}

// "192.0.2.2:3260 temp", "[2001:db8::2] perm"; without a port it is 3260.
bool ScstReader::redirect(const Statement& statement, Target& target) {
  const std::string all = statement.rest(1);
  if (all.empty()) return true;  // nowhere
  const std::size_t space = all.find(' ');
  const std::string to = all.substr(0, space), kind = space == std::string::npos ? "" : all.substr(space + 1);
  const std::size_t colon = to.find(':', to.starts_with('[') ? to.find(']') : 0);
  const auto port =
      colon == std::string::npos ? std::optional<std::uint16_t>(3260) : number_of<std::uint16_t>(to.substr(colon + 1));
  const std::string address = port ? portal_address(to.substr(0, colon), *port) : std::string();
  if (address.empty() || !among(kind, {"temp", "perm"})) return false;
  target.redirection = {address, kind == "perm"};
  return true;
}

bool ScstReader::iscsi_attribute(const Statement& statement, ImportedTarget& target) {
  const std::string& value = statement.word(1);
  const std::string_view word = without_number(statement.word(0));
  if (word == "alias") {
    target.target.alias = statement.rest(1).substr(0, 255);
  } else if (word == "QueuedCommands") {
    const std::uint64_t depth = number_of<std::uint64_t>(value).value_or(0);
    if (depth != 0)
      target.target.command_window = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(depth, 1, 1024));
  } else if (word == "rel_tgt_id") {
    const std::uint64_t id = number_of<std::uint64_t>(value).value_or(0);
    target.relative_port_id = static_cast<std::uint16_t>(id <= 65535 ? id : 0);
  } else if (word == "redirect") {
    return redirect(statement, target.target);
  } else if (word == "allowed_portal" && portals_exact_) {
    target.portals.push_back(portal_address(value, 3260));
  } else if (const KeyTaken taken = take_text_key(word, value, target.target); taken != KeyTaken::kNo) {
    if (taken == KeyTaken::kNearest) lost(statement, target.place.path, kOutOfRange, kNearestTaken);
  } else {
    return among(word, {"enabled", "IncomingUser", "OutgoingUser", "LUN", "GROUP", "comment"});
  }
  return true;
}

void ScstReader::iscsi_target(const Statement& section) {
  ImportedTarget made;
  const std::string path = "TARGET " + section.word(1);
  made.place = {section.file, section.line, path};
  made.target.name = lower_case(section.word(1));
  if (!enabled(section)) {
    return lost(section, path, "it is not enabled, and iSCSI targets always are", "it is left out");
  }
  bool closed = false;
  for (const Statement& each : section.inner) {
    if (iscsi_attribute(each, made)) continue;
    const std::string_view word = without_number(each.word(0));
    closed |= word == "allowed_portal";
    lost(each, path,
         word == "allowed_portal" ? "portals are addresses, named for all targets or for none"
         : word == "redirect"     ? "that is no address and no kind of redirection"
                                  : "Outboard has no such setting, or negotiates it by itself",
         word == "allowed_portal" ? "nobody may log in until portals and initiators are set" : "it is passed over");
  }
  if (!portals_exact_) made.portals = {"0.0.0.0:3260"};  // iscsi-scstd's default; the file does not say
  if (closed) made.target.initiators = {kNobody};
  accounts(section, made.target.access, path);
  views(section, made.target.name);
  draft_.add_target(std::move(made));
}

}  // namespace ctl
