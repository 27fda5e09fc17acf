// The text that a Prometheus server reads (exposition format 0.0.4).
#pragma once

#include <string>
#include <vector>

#include "ctl/metrics/statistics.h"

namespace ctl {

struct MetricsSnapshot {
  std::vector<StatisticsRow> rows;
  iscsi::FabricCounters iscsi;
  fcp::FabricCounters fc;
  std::vector<FcPortInfo> fc_ports;
  double started = 0, cpu = 0;  // seconds since 1970; seconds of CPU time
};

// Series are bounded: of each kind at most so many, by name; `outboard_metrics_left_out` tells how many are missing.
inline constexpr std::size_t kMostPorts = 256, kMostSessions = 512, kMostUnits = 512;

std::string exposition(MetricsSnapshot snapshot);

}  // namespace ctl
