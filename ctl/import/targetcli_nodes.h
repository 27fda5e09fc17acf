// A target's portal groups in saveconfig.json: LUNs, ACLs, accounts, portals.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ctl/import/draft.h"
#include "ctl/import/json_fields.h"

namespace ctl {

using LioUnits = std::map<std::string, std::string>;  // "fileio/disk1" -> name of the logical unit

// Keys are `prefix` with the others behind it.
Account lio_account(JsonFields& in, const std::string& prefix, const char* user, const char* secret,
                    const char* mutual_user, const char* mutual_secret);

// LUNs and node ACLs of one portal group become views of the target `name`.
class LioAcls {
 public:
  LioAcls(Draft& draft, const LioUnits& units, std::string name)
      : draft_(draft), units_(units), name_(std::move(name)) {}
  void read(JsonFields& group);

  bool open() const { return open_; }                                         // everybody may log in
  const std::vector<std::string>& initiators() const { return initiators_; }  // else who; never empty then
  bool chap() const { return chap_; }
  const std::vector<std::string>& users() const { return users_; }
  std::uint64_t depth() const { return depth_; }

 private:
  using Mapping = std::map<std::uint32_t, std::pair<std::string, bool>>;  // LUN -> unit, read only
  void attributes(JsonFields& group);
  void luns(JsonFields& group);
  void acl(JsonFields& in);
  Mapping mapping_of(JsonFields& acl);
  void account(JsonFields& in);
  void views();

  Draft& draft_;
  const LioUnits& units_;
  std::string name_;
  bool open_ = false, demo_read_only_ = false, acl_read_only_ = false, chap_ = false;
  std::optional<bool> wanted_chap_;
  std::uint64_t depth_ = 0;
  std::map<std::uint64_t, std::string> luns_;
  std::map<Mapping, std::vector<std::string>> hosts_;
  std::vector<std::string> initiators_, users_;
};

class LioTargetReader {
 public:
  LioTargetReader(Draft& draft, const LioUnits& units, ImportedTarget& target)
      : draft_(draft), units_(units), made_(target) {}
  void portal_group(JsonFields& in);
  void done();

 private:
  void portals(JsonFields& in);
  Draft& draft_;
  const LioUnits& units_;
  ImportedTarget& made_;
  bool any_ = false;
};

}  // namespace ctl
