// Views compiled for speed: which groups a nexus is in decides its LUN map; nexuses in the same groups share one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "scsi_core/core.h"
#include "scsi_core/nexus.h"

namespace scsi {

// A view table bound to the logical units that exist. Unchanging; read by all reactors.
class ViewSnapshot {
 public:
  ViewSnapshot(const ViewTable& table, const std::map<std::string, LogicalUnit*>& units,
               std::vector<TargetPortIdentity> ports = {});
  // Equal for nexuses that see the same: the host groups that the initiator is in, and the target.
  std::string key_of(const Nexus& nexus) const;
  std::vector<LunMapEntry> entries_for(const Nexus& nexus) const;
  // The target ports that show the logical unit to some initiator.
  std::vector<TargetPortIdentity> ports_of(const LogicalUnit& lu) const;
  const std::vector<TargetPortIdentity>& ports() const { return ports_; }

 private:
  struct Bound {
    LogicalUnit* lu;
    std::size_t host_group;    // kAll: every initiator
    std::size_t target_group;  // kAll: every target; else of target_groups_, then of `target`
    std::string target;        // one target by name, when there is no such group
    std::uint32_t lun;
    bool read_only;
  };
  bool shown_by(const Bound& view, const std::string& target) const;
  static constexpr std::size_t kAll = ~std::size_t{0};
  static constexpr std::size_t kNamed = kAll - 1;
  std::vector<HostGroup> host_groups_;
  std::vector<TargetGroup> target_groups_;
  std::vector<Bound> bound_;
  std::vector<TargetPortIdentity> ports_;
};

// `*` and `?` stand for any characters and for one; letters match in either case.
bool matches_pattern(std::string_view pattern, std::string_view text);
// Whether some text matches both.
bool patterns_intersect(std::string_view a, std::string_view b);
// What an initiator is called in host groups: the iSCSI name without ISID, other names in hexadecimal.
std::string initiator_name(const TransportId& initiator);
// Whether a pattern means this initiator; colons in a pattern for a WWPN mean nothing.
bool means_initiator(std::string_view pattern, const TransportId& initiator);
// An initiator port's whole name for people: "iqn...,i,0x...", "21:00:00:24:ff:00:00:01".
std::string shown_name(const TransportId& initiator);
// A target port's: "iqn...,t,0x0001", or what views call it where its name is bytes.
const std::string& shown_name(const TargetPortIdentity& port);

}  // namespace scsi
