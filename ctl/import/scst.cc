// scst.conf of SCST: devices of its handlers, iSCSI targets, Fibre Channel targets of qla2x00t.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>

#include "base/log.h"
#include "ctl/config/names.h"
#include "ctl/import/readers.h"
#include "hal/port/fc_port.h"

namespace ctl {
namespace {

constexpr std::uint64_t kNullSize = std::uint64_t{5} << 40;  // of SCST's vdisk_nullio

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

bool among(std::string_view word, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* each) { return word == each; });
}

// "IncomingUser" and "IncomingUser3" are the same key.
std::string_view without_number(std::string_view key) {
  const std::size_t end = key.find_last_not_of("0123456789");
  return end == std::string_view::npos ? key : key.substr(0, end + 1);
}

bool enabled(const Statement& section) {
  return std::any_of(section.inner.begin(), section.inner.end(),
                     [](const Statement& each) { return each.word(0) == "enabled" && each.word(1) == "1"; });
}

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}
  void run(const std::vector<Statement>& statements);

 private:
  void handler(const Statement& section);
  void device(const Statement& section, const std::string& handler);
  bool device_attribute(const Statement& statement, LogicalUnit& lu);
  bool identity(const Statement& statement, LogicalUnit& lu);
  bool medium(const Statement& section, const std::string& handler, LogicalUnit& lu, const Place& place);
  void driver(const Statement& section);
  void iscsi_driver(const Statement& section);
  void iscsi_target(const Statement& section);
  bool iscsi_attribute(const Statement& statement, ImportedTarget& target);
  void accounts(const Statement& section, Access& access, const std::string& path);
  void portals(const Statement& driver);
  void fc_target(const Statement& section);
  void views(const Statement& section, const std::string& target);
  void luns(const Statement& section, const std::string& target, const std::string& group);
  void group(const Statement& section, const std::string& target);
  std::string initiator(const Statement& statement, const Place& place);
  void alua(const Statement& section);
  void lost(const Statement& statement, const std::string& path, const char* why, const char* instead) {
    draft_.note({statement.file, statement.line, path}, base::escaped(statement.word(0), 60), why, instead);
  }

  Draft& draft_;
  std::map<std::string, std::string> units_;     // device -> logical unit
  std::map<std::string, std::string> fc_names_;  // WWPN -> port
  std::vector<std::string> allowed_portals_;     // of all iSCSI targets, if each says where it is
  bool portals_exact_ = true;
};

void Reader::run(const std::vector<Statement>& statements) {
  for (const Statement& each : statements) {
    if (each.word(0) == "HANDLER") handler(each);
  }
  for (const Statement& each : statements) {
    const std::string& word = each.word(0);
    if (word == "HANDLER" || among(word, {"setup_id", "max_tasklet_cmd", "threads"})) continue;
    if (word == "TARGET_DRIVER") {
      driver(each);
    } else if (word == "DEVICE_GROUP") {
      alua(each);
    } else {
      lost(each, {}, kNoSetting, "it is passed over");
    }
  }
}

void Reader::handler(const Statement& section) {
  for (const Statement& each : section.inner) {
    if (each.word(0) == "DEVICE") {
      device(each, section.word(1));
    } else {
      lost(each, "HANDLER " + section.word(1), kNoSetting, "it is passed over");
    }
  }
}

bool Reader::identity(const Statement& statement, LogicalUnit& lu) {
  const std::string &word = statement.word(0), value = statement.rest(1);
  if (word == "t10_vend_id") {
    lu.unit.vendor = value;
  } else if (word == "prod_id") {
    lu.unit.product = value;
  } else if (word == "prod_rev_lvl") {
    lu.unit.revision = value;
  } else if (word == "usn") {
    lu.unit.serial = value;
  } else if (word == "naa_id") {
    const std::string digits = lower_case(value.starts_with("0x") ? value.substr(2) : value);
    if (!parse_naa(digits, lu.unit)) {
      lost(statement, "DEVICE", "an identifier is 32 hexadecimal digits that begin with 6", "a new one is drawn");
    }
  } else {
    return false;
  }
  return true;
}

bool Reader::device_attribute(const Statement& statement, LogicalUnit& lu) {
  const std::string& word = statement.word(0);
  const std::uint64_t value = number_of(statement.word(1)).value_or(0);
  const bool on = value != 0;
  if (word == "blocksize") {
    lu.store.block_size = static_cast<std::uint32_t>(std::min<std::uint64_t>(value, 65536));
  } else if (word == "size_mb") {
    lu.store.size = std::min<std::uint64_t>(value, std::uint64_t{1} << 40) << 20;
  } else if (word == "size") {
    lu.store.size = value;
  } else if (word == "removable") {
    lu.unit.removable = on;
  } else if (word == "read_only") {
    lu.unit.write_protected = on;
  } else if (word == "write_through") {
    lu.unit.write_cache = !on;
  } else if (word == "thin_provisioned") {
    lu.store.thin = on;
  } else {
    return among(word, {"filename", "rotational", "threads_num", "threads_pool_type", "numa_node_id", "o_direct",
                        "async", "bind_alua_state", "active", "t10_dev_id", "vend_specific_id", "pr_file_name", "dummy",
                        "zero_copy", "opt_trans_len", "lb_per_pb_exp"});
  }
  return true;
}

bool Reader::medium(const Statement& section, const std::string& handler, LogicalUnit& lu, const Place& place) {
  std::string path;
  for (const Statement& each : section.inner) {
    if (each.word(0) == "filename") path = each.rest(1);
  }
  if (handler == "vdisk_fileio" || handler == "vdisk_blockio") {
    lu.unit.vendor = handler == "vdisk_fileio" ? "SCST_FIO" : "SCST_BIO";
    return true;
  }
  if (handler == "vdisk_nullio") {
    lu.store.kind = StoreKind::kNull;
    return true;
  }
  if (handler == "dev_disk") {
    const std::string disk = draft_.machine().scsi_disk(section.word(1));
    const bool found = !disk.empty() && draft_.on_medium(lu, disk, 0, place);
    draft_.note(place, "pass-through of " + base::escaped(section.word(1), 60), "commands are not handed to a device",
                found ? "it is served as block device " + disk + ", with an identity of its own"
                      : "this machine has no such disk; it is left out");
    return found;
  }
  draft_.note(place, "handler " + base::escaped(handler, 60), "there is no such device here", "it is left out");
  return false;
}

void Reader::device(const Statement& section, const std::string& handler) {
  const std::string& name = section.word(1);
  const Place place{section.file, section.line, "DEVICE " + name};
  LogicalUnit lu;
  if (!medium(section, handler, lu, place)) return;
  const bool pass_through = handler == "dev_disk";
  if (!pass_through) lu.unit.product = name.substr(0, 16);
  bool known = false;
  std::string path;
  for (const Statement& each : section.inner) {
    if (each.word(0) == "filename") path = each.rest(1);
    known |= each.word(0) == "naa_id";
    if (each.word(0) == "nv_cache" && each.word(1) == "1") {
      lost(each, place.path, "a cache is never taken for safe", "what initiators flush is on the medium");
    } else if (!identity(each, lu) && !device_attribute(each, lu)) {
      lost(each, place.path, kNoSetting, "it is passed over");
    }
  }
  if (lu.store.kind == StoreKind::kNull && lu.store.size == 0) lu.store.size = kNullSize;
  const bool virtual_disk = !pass_through && lu.store.kind != StoreKind::kNull;
  if (virtual_disk && !draft_.on_medium(lu, path, lu.store.size, place)) return;
  draft_.identity(lu, place);
  if (!pass_through && !known) {
    draft_.note(place, "identifiers that SCST makes of the device's name",
                "without naa_id it tells initiators none of type NAA 6",
                "a new identifier is drawn: initiators may take the disk for another one");
  }
  units_[name] = draft_.add_lu(std::move(lu), name, place);
}

void Reader::driver(const Statement& section) {
  const std::string& name = section.word(1);
  if (name == "iscsi") return iscsi_driver(section);
  const bool fc = name == "qla2x00t" || name == "qla2xxx_scst";
  for (const Statement& each : section.inner) {
    const std::string path = "TARGET_DRIVER " + name;
    if (fc && each.word(0) == "TARGET") {
      fc_target(each);
    } else if (each.word(0) == "TARGET") {
      lost(each, path + " " + each.word(1),
           name == "copy_manager" ? "copies between logical units need no target of their own"
                                  : "this fabric is not served",
           "it is left out");
    } else if (each.word(0) != "enabled") {
      lost(each, path, kNoSetting, "it is passed over");
    }
  }
}

void Reader::accounts(const Statement& section, Access& access, const std::string& path) {
  const Statement* outgoing = nullptr;
  for (const Statement& each : section.inner) {
    if (without_number(each.word(0)) == "OutgoingUser") outgoing = &each;
  }
  const auto split = [](const Statement& each) {  // "joe secret" is one word or two
    const std::string all = each.rest(1);
    const std::size_t space = all.find(' ');
    return std::pair(all.substr(0, space), space == std::string::npos ? std::string() : all.substr(space + 1));
  };
  for (const Statement& each : section.inner) {
    if (without_number(each.word(0)) != "IncomingUser") continue;
    access.chap = true;
    const auto [user, secret] = split(each);
    Account account{user, {}, Secret(secret), {}};
    if (outgoing != nullptr) {
      account.mutual_user = split(*outgoing).first;
      account.mutual_secret = Secret(split(*outgoing).second);
    }
    if (draft_.add_account(account, {each.file, each.line, path})) access.users.push_back(user);
  }
  if (outgoing != nullptr && !access.chap)
    lost(*outgoing, path, "the target proves itself only to initiators that do so, too", "it is passed over");
}

void Reader::iscsi_driver(const Statement& section) {
  if (!enabled(section)) {
    return lost(section, "TARGET_DRIVER iscsi", "the driver is not enabled", "its targets are left out");
  }
  accounts(section, draft_.config.discovery, "TARGET_DRIVER iscsi");
  portals(section);
  for (const Statement& each : section.inner) {
    const std::string_view word = without_number(each.word(0));
    if (word == "TARGET") {
      iscsi_target(each);
    } else if (!among(word, {"enabled", "IncomingUser", "OutgoingUser", "link_local"})) {
      lost(each, "TARGET_DRIVER iscsi", kNoSetting, "it is passed over");
    }
  }
}

// A listener on all addresses and one on a single address exclude each other: all targets name theirs, or none does.
void Reader::portals(const Statement& driver) {
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

bool Reader::iscsi_attribute(const Statement& statement, ImportedTarget& target) {
  const std::string& value = statement.word(1);
  const std::string_view word = without_number(statement.word(0));
  if (word == "alias") {
    target.target.alias = statement.rest(1).substr(0, 255);
  } else if (word == "QueuedCommands") {
    const std::uint64_t depth = number_of(value).value_or(0);
    if (depth != 0)
      target.target.command_window = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(depth, 1, 1024));
  } else if (word == "rel_tgt_id") {
    const std::uint64_t id = number_of(value).value_or(0);
    target.relative_port_id = static_cast<std::uint16_t>(id <= 65535 ? id : 0);
  } else if (word == "allowed_portal" && portals_exact_) {
    target.portals.push_back(portal_address(value, 3260));
  } else {
    return among(word, {"enabled", "IncomingUser", "OutgoingUser", "LUN", "GROUP", "comment"});
  }
  return true;
}

void Reader::iscsi_target(const Statement& section) {
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
         : word == "redirect"     ? "logins are not redirected"
                                  : "Outboard has no such setting, or negotiates it by itself",
         word == "allowed_portal" ? "nobody may log in until portals and initiators are set" : "it is passed over");
  }
  if (!portals_exact_) made.portals = {"0.0.0.0:3260"};  // iscsi-scstd's default; the file does not say
  if (closed) made.target.initiators = {kNobody};
  accounts(section, made.target.access, path);
  views(section, made.target.name);
  draft_.add_target(std::move(made));
}

void Reader::fc_target(const Statement& section) {
  FcPort port;
  port.wwpn = section.word(1);
  const std::string path = "TARGET " + section.word(1);
  const Place place{section.file, section.line, path};
  port.enabled = enabled(section);
  for (const Statement& each : section.inner) {
    const std::string& word = each.word(0);
    if (word == "rel_tgt_id") {
      const std::uint64_t id = number_of(each.word(1)).value_or(0);
      port.relative_port_id = static_cast<std::uint16_t>(id <= 65535 ? id : 0);
    } else if (word == "node_name") {
      if (const auto name = hal::fc::parse_wwn(each.word(1)); name && name->raw != 0) port.wwnn = to_string(*name);
    } else if (word == "parent_host") {
      const auto parent = hal::fc::parse_wwn(each.word(1));
      const auto known = parent ? fc_names_.find(to_string(*parent)) : fc_names_.end();
      if (known == fc_names_.end())
        return lost(each, path, "the port that it is on is not there", "the target is left out");
      port.parent = known->second;
    } else if (word == "explicit_confirmation") {
      port.confirmed_completion = each.word(1) == "1";
    } else if (!among(word, {"enabled", "LUN", "GROUP", "comment"})) {
      lost(each, path, kNoSetting, "it is passed over");
    }
  }
  if (!port.parent.empty()) port.confirmed_completion = false;
  std::string stem = lower_case(port.wwpn);
  std::erase(stem, ':');
  const std::string name = draft_.add_fc_port(port, "fc-" + stem, place);
  if (name.empty()) return;
  fc_names_[draft_.config.find_fc_port(name)->wwpn] = name;
  views(section, name);
}

void Reader::luns(const Statement& section, const std::string& target, const std::string& group) {
  for (const Statement& each : section.inner) {
    if (each.word(0) != "LUN") continue;
    const auto lun = number_of(each.word(1));
    const auto unit = units_.find(each.word(2));
    const std::string path = target + (group.empty() ? "" : " GROUP " + group);
    if (!lun || *lun > scsi::kMaxLunNumber || unit == units_.end()) {
      lost(each, path, "there is no such logical unit, or it was left out, or the number is too large",
           "nothing is at this LUN");
      continue;
    }
    bool read_only = false;
    for (const Statement& inner : each.inner) {
      if (inner.word(0) == "read_only") {
        read_only = inner.word(1) == "1";
      } else {
        lost(inner, path, kNoSetting, "it is passed over");
      }
    }
    draft_.add_view({unit->second, group, target, static_cast<std::uint32_t>(*lun), read_only});
  }
}

void Reader::views(const Statement& section, const std::string& target) {
  const auto has = [&](const char* word) {
    return std::any_of(section.inner.begin(), section.inner.end(),
                       [&](const Statement& each) { return each.word(0) == word; });
  };
  luns(section, target, {});
  for (const Statement& each : section.inner) {
    if (each.word(0) == "GROUP") group(each, target);
  }
  if (has("LUN") && has("GROUP")) {
    lost(section, target, "what every host sees, hosts of a group see, too",
         "they see the LUNs of the target beside those of their group");
  }
}

// Empty: it cannot be said here.
std::string Reader::initiator(const Statement& statement, const Place& place) {
  const std::string& name = statement.word(1);
  if (!valid_initiator_pattern(name) || name.find_first_of("!#[]") != std::string::npos) {
    draft_.note(place, "INITIATOR " + base::escaped(name, 230),
                "initiators are names with * and ?, without exclusion and without a portal's address",
                "it is not in the group");
    return {};
  }
  return lower_case(name);
}

void Reader::group(const Statement& section, const std::string& target) {
  std::vector<std::string> initiators;
  const Place place{section.file, section.line, target + " GROUP " + section.word(1)};
  for (const Statement& each : section.inner) {
    if (each.word(0) == "INITIATOR") {
      std::string name = initiator(each, {each.file, each.line, place.path});
      if (!name.empty()) initiators.push_back(std::move(name));
    } else if (each.word(0) != "LUN") {
      lost(each, place.path, kNoSetting, "it is passed over");
    }
  }
  if (initiators.empty()) return draft_.note(place, "a group without initiators", "nobody is in it", "it is left out");
  luns(section, target, draft_.host_group(std::move(initiators), section.word(1)));
}

void Reader::alua(const Statement& section) {
  lost(section, "DEVICE_GROUP " + section.word(1), "groups of target ports cannot be set",
       "all paths are active and optimized");
}

}  // namespace

base::Result<void> read_scst(std::string_view text, const std::string& origin, Draft& draft) {
  const std::vector<Statement> statements = TRY(parse_scst_conf(text, origin));
  Reader(draft).run(statements);
  return {};
}

}  // namespace ctl
