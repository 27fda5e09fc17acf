// A configuration while an import makes it: names that are unique and allowed, accounts that keep the rules of secrets,
// media as they are on this machine, portals sorted into groups; and settle(), after which it keeps every rule.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctl/config/config.h"
#include "ctl/import/finding.h"
#include "ctl/import/machine_facts.h"

namespace ctl {

inline constexpr std::uint16_t kIsnsPort = 3205;  // RFC 4171 2.1.1
inline constexpr char kNobody[] = "nobody";       // a pattern that no initiator's name matches: it closes a target

struct ImportedTarget {
  Target target;
  std::vector<std::string> portals;    // "192.0.2.1:3260"
  std::uint16_t wished_group = 0;      // 0: any
  std::uint16_t relative_port_id = 0;  // kept if the target ends up in one portal group
  Place place;
};

struct Account {
  std::string user, mutual_user;
  Secret secret, mutual_secret;
};

class Draft {
 public:
  Draft(const MachineFacts& machine, std::map<std::string, std::string> fc_devices)
      : machine_(machine), fc_devices_(std::move(fc_devices)) {}

  Config config;
  Findings findings;

  // A file or block device; false, with a finding, when it cannot be served. `size` 0: that of the medium.
  bool on_medium(LogicalUnit& lu, const std::string& path, std::uint64_t size, const Place& place);
  // Gives it an allowed name near `wish` and keeps it; returns the name.
  std::string add_lu(LogicalUnit lu, std::string_view wish, const Place& place);
  // What of vendor, product, revision and serial is too long or not printable is cut or dropped.
  void identity(LogicalUnit& lu, const Place& place);
  // True when the user may be given to a target now.
  bool add_account(const Account& account, const Place& place);
  void add_target(ImportedTarget target) { targets_.push_back(std::move(target)); }
  // Finds its device; empty, with a finding, when there is none. Else the port's name.
  std::string add_fc_port(FcPort port, const std::string& wish, const Place& place);
  // One group for each set of initiators; an allowed name near `wish`.
  std::string host_group(std::vector<std::string> initiators, std::string_view wish);
  void add_view(scsi::View view) { views_.push_back(std::move(view)); }
  void note(const Place& place, std::string what, std::string why, std::string instead) {
    findings.add(place, std::move(what), std::move(why), std::move(instead));
  }
  const MachineFacts& machine() const { return machine_; }

  // Groups the portals, then takes out, with a finding each, whatever still breaks a rule.
  void settle();

 private:
  using Named = std::pair<std::string, std::string>;  // section, name
  std::string unique(const char* section, std::string_view wish);
  bool usable(const Secret& secret, const std::string& whose, const Place& place);
  bool fits_mutual(const Account& account, const Place& place);
  void group_portals();
  void close_without_users(Access& access, const Place& place);
  void take_views();
  void drop_conflicting_views();
  bool drop_problems();
  void drop(const std::string& section, std::size_t index, const std::string& text);

  const MachineFacts& machine_;
  std::map<std::string, std::string> fc_devices_;  // WWPN -> device, from the command line
  std::vector<ImportedTarget> targets_;
  std::map<Named, Place> places_;
  std::set<Named> names_;
  std::map<std::string, std::string, std::less<>> secret_owner_;     // secret -> whose; as long as the draft lives
  std::map<std::vector<std::string>, std::string> groups_of_hosts_;  // initiators -> host group
  std::vector<scsi::View> views_;
};

// MaxConnections of a target. False: there cannot be as many, and it has the most that there may be.
bool take_connections(std::uint64_t wanted, Target& target);
// Letters, digits and . _ - of `text`, others as -, at most 60 of them; "x" if nothing is left.
std::string allowed_name(std::string_view text);
std::string lower_case(std::string_view text);
// "192.0.2.1" and 3260 -> "192.0.2.1:3260"; IPv6 with or without brackets; empty: no such address.
std::string portal_address(std::string_view host, std::uint32_t port);

}  // namespace ctl
