// What is counted of commands: on their path at each I_T_L nexus, by its reactor alone; elsewhere as sums of these.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace scsi {

// Of an I_T nexus, a target port or a logical unit, since the daemon started.
struct Statistics {
  base::HistogramCounts reads, writes;  // commands that read the medium, or change or lock it, by latency
  std::uint64_t others = 0;             // commands that touch no medium
  std::uint64_t read_bytes = 0, write_bytes = 0;
  std::uint64_t errors = 0;   // of all these: ended with CHECK CONDITION
  std::uint64_t aborted = 0;  // not among the others
  std::uint64_t in_flight = 0;
  Statistics& operator+=(const Statistics& other);
};
using NamedStatistics = std::pair<std::string, Statistics>;

// Latency is the time from a command's arrival at the core to its status on its way to the port (for data with status:
// taken by the port), in rounds of the reactor: a command that comes and ends in one round took as long as the round.
struct CommandCounters {
  struct Medium {
    std::uint64_t bytes = 0;
    base::Histogram latency;
  };
  std::uint64_t others = 0, errors = 0, aborted = 0;
  Medium reads, writes;
  void add_to(Statistics& statistics) const;
};

}  // namespace scsi
