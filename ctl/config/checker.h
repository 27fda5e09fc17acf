// All rules of a configuration, one method for each kind of entry; they lie in files by theme.
#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctl/config/check.h"

namespace ctl {

class Checker {
 public:
  explicit Checker(const Config& config) : config_(config) {}
  std::vector<Problem> run();

 private:
  void add(const char* section, std::size_t index, const char* key, const std::string& text) {
    problems_.push_back({section, index, key, text});
  }
  // Text is made only for what does not hold: a configuration may have 10,000 logical units.
  template <class... Args>
  void require(bool holds, const char* section, std::size_t index, const char* key, fmt::format_string<Args...> text,
               Args&&... args) {
    if (!holds) add(section, index, key, fmt::format(text, std::forward<Args>(args)...));
  }
  void collect();
  // check_users.cc
  void users();
  void secrets(std::size_t index, const User& user);
  void access(const char* section, std::size_t index, const std::string& what, const Access& access);
  // check_units.cc
  void logical_units();
  void identity(std::size_t index, const scsi::LuConfig& unit);
  void store(std::size_t index, const LogicalUnit& lu);
  void groups();
  void views();
  // check_ports.cc
  void portals();
  void targets();
  void fc_ports();
  void virtual_port(std::size_t index, const FcPort& port, const std::string& what);
  void redirection(const char* section, std::size_t index, const std::string& what, const iscsi::Redirection& to);
  // check_services.cc
  void limits();
  void metrics();
  void radius();
  void isns();
  void duration(const char* section, std::size_t index, const char* key, base::Duration value, base::Duration least,
                base::Duration most, bool or_zero);

  const Config& config_;
  std::vector<Problem> problems_;
  std::set<std::string> lu_names_, target_names_, user_names_, host_groups_, target_groups_;
  std::set<std::uint16_t> portal_groups_ = {1};  // group 1 exists even without a portal: it is every target's default
  std::set<std::uint16_t> relative_port_ids_;
  std::map<std::string_view, std::string> secret_owner_;  // secret -> whose
};

}  // namespace ctl
