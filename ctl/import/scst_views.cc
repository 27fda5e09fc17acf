// scst.conf: LUNs of targets and of their groups of initiators become views.
#include <algorithm>

#include "ctl/config/names.h"
#include "ctl/import/scst_reader.h"
#include "ctl/import/words.h"

namespace ctl {

void ScstReader::luns(const Statement& section, const std::string& target, const std::string& group) {
  for (const Statement& each : section.inner) {
    if (each.word(0) != "LUN") continue;
    const auto lun = number_of<std::uint64_t>(each.word(1));
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

void ScstReader::views(const Statement& section, const std::string& target) {
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
std::string ScstReader::initiator(const Statement& statement, const Place& place) {
  const std::string& name = statement.word(1);
  if (!valid_initiator_pattern(name) || name.find_first_of("!#[]") != std::string::npos) {
    draft_.note(place, "INITIATOR " + base::escaped(name, 230),
                "initiators are names with * and ?, without exclusion and without a portal's address",
                "it is not in the group");
    return {};
  }
  return lower_case(name);
}

void ScstReader::group(const Statement& section, const std::string& target) {
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

}  // namespace ctl
