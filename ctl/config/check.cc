// The order of the rules, and the names that entries refer to.
#include "ctl/config/check.h"

#include "base/log.h"
#include "ctl/config/checker.h"

namespace ctl {

std::vector<Problem> Checker::run() {
  collect();
  users();
  logical_units();
  portals();
  targets();
  fc_ports();
  groups();
  views();
  access("discovery", 0, "discovery", config_.discovery);
  limits();
  metrics();
  radius();
  isns();
  return std::move(problems_);
}

// A name given twice is a problem here.
void Checker::collect() {
  const auto take = [this](const char* section, const auto& items, std::set<std::string>& names, auto&& name_of) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string& name = name_of(items[i]);
      require(names.insert(name).second, section, i, "name", "{} \"{}\" is there twice", section, name);
    }
  };
  const auto name_member = [](const auto& item) -> const std::string& { return item.name; };
  take("lu", config_.logical_units, lu_names_,
       [](const LogicalUnit& lu) -> const std::string& { return lu.unit.name; });
  take("target", config_.targets, target_names_, name_member);
  take("fc_port", config_.fc_ports, target_names_, name_member);
  take("user", config_.users, user_names_, name_member);
  take("host_group", config_.mapping.host_groups, host_groups_, name_member);
  take("target_group", config_.mapping.target_groups, target_groups_, name_member);
  for (const iscsi::Portal& portal : config_.portals) portal_groups_.insert(portal.tag);
}

std::vector<Problem> find_problems(const Config& config) { return Checker(config).run(); }

base::Result<void> check(const Config& config) {
  std::string text;
  for (const Problem& problem : find_problems(config))
    text += (text.empty() ? "" : "\n") + base::escaped(problem.text, 1000);
  if (!text.empty()) return base::fail(base::Errc::kInvalid, std::move(text));
  return {};
}

}  // namespace ctl
