// What reads scst.conf: its devices first, then its drivers with their targets, whose LUNs name the devices.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "ctl/import/draft.h"
#include "ctl/import/statements.h"

namespace ctl {

// "IncomingUser" and "IncomingUser3" are the same key.
std::string_view without_number(std::string_view key);
bool enabled(const Statement& section);

class ScstReader {
 public:
  explicit ScstReader(Draft& draft) : draft_(draft) {}
  void run(const std::vector<Statement>& statements);

 private:
  void handler(const Statement& section);
  void device(const Statement& section, const std::string& handler);
  bool device_attribute(const Statement& statement, LogicalUnit& lu);
  bool identity(const Statement& statement, LogicalUnit& lu);
  bool medium(const Statement& section, const std::string& handler, LogicalUnit& lu, const Place& place);
  void driver(const Statement& section);
  void iscsi_driver(const Statement& section);
  void name_server(const Statement& statement);
  void iscsi_target(const Statement& section);
  bool iscsi_attribute(const Statement& statement, ImportedTarget& target);
  bool redirect(const Statement& statement, Target& target);
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

}  // namespace ctl
