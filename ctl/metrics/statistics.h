// What ports, sessions and logical units have done, asked of the core and of the fabrics one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ctl/machine.h"
#include "scsi_core/statistics.h"

namespace ctl {

struct StatisticsRow {
  enum class Of : std::uint8_t { kPort, kSession, kUnit };
  Of of;
  std::string name;           // of a session: its initiator
  std::uint64_t session = 0;  // the three of a session only
  std::string target;
  std::string state;  // of a logical unit only: "online"
  scsi::Statistics statistics;
};

struct StatisticsWanted {
  bool ports = true, sessions = true, units = true;
};

// In this order; sessions for discovery are none of them. On the control reactor.
void gather_statistics(Machine& machine, StatisticsWanted wanted, std::function<void(std::vector<StatisticsRow>)> done);

}  // namespace ctl
