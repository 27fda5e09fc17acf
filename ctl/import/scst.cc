// scst.conf of SCST: its sections, and Fibre Channel targets of qla2x00t.
#include <algorithm>

#include "ctl/import/readers.h"
#include "ctl/import/scst_reader.h"
#include "ctl/import/words.h"
#include "hal/port/fc_port.h"

namespace ctl {

std::string_view without_number(std::string_view key) {
  const std::size_t end = key.find_last_not_of("0123456789");
  return end == std::string_view::npos ? key : key.substr(0, end + 1);
}

bool enabled(const Statement& section) {
  return std::any_of(section.inner.begin(), section.inner.end(),
                     [](const Statement& each) { return each.word(0) == "enabled" && each.word(1) == "1"; });
}

void ScstReader::run(const std::vector<Statement>& statements) {
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

void ScstReader::driver(const Statement& section) {
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

void ScstReader::fc_target(const Statement& section) {
  FcPort port;
  port.wwpn = section.word(1);
  const std::string path = "TARGET " + section.word(1);
  const Place place{section.file, section.line, path};
  port.enabled = enabled(section);
  for (const Statement& each : section.inner) {
    const std::string& word = each.word(0);
    if (word == "rel_tgt_id") {
      const std::uint64_t id = number_of<std::uint64_t>(each.word(1)).value_or(0);
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

void ScstReader::alua(const Statement& section) {
  lost(section, "DEVICE_GROUP " + section.word(1), "groups of target ports cannot be set",
       "all paths are active and optimized");
}

base::Result<void> read_scst(std::string_view text, const std::string& origin, Draft& draft) {
  const std::vector<Statement> statements = TRY(parse_scst_conf(text, origin));
  ScstReader(draft).run(statements);
  return {};
}

}  // namespace ctl
