// Metric families of statistics and counters. Names and units as Prometheus' conventions have them.
#include "ctl/metrics/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <span>
#include <tuple>

namespace ctl {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

// Bounds of latency buckets: 2^14 ns (16.4 us) to 2^33 ns (8.6 s), each twice the one before, so that they are bounds
// of ours, too, and counts are exact.
constexpr unsigned kFirstBound = 14, kLastBound = 33;

constexpr double seconds(base::Duration duration) { return static_cast<double>(duration.count()) / 1e9; }

ClientMetric with(Labels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  return metric;
}

MetricFamily& family(Families& all, std::string name, std::string help, MetricType type) {
  return all.emplace_back(MetricFamily{std::move(name), std::move(help), type, {}});
}

void add(MetricFamily& to, Labels labels, double value) {
  ClientMetric metric = with(std::move(labels));
  (to.type == MetricType::Gauge ? metric.gauge.value : metric.counter.value) = value;
  to.metric.push_back(std::move(metric));
}

void add(Families& all, std::string name, std::string help, MetricType type, double value) {
  add(family(all, std::move(name), std::move(help), type), {}, value);
}

// The sum is of the middles of our buckets, right within a sixteenth: sums are not kept on the path of a command.
void add(MetricFamily& to, Labels labels, const base::HistogramCounts& counts) {
  ClientMetric metric = with(std::move(labels));
  ClientMetric::Histogram& histogram = metric.histogram;
  std::size_t i = 0;
  for (unsigned bound = kFirstBound; bound <= kLastBound; ++bound) {
    const base::Duration end(std::int64_t{1} << bound);
    for (; i < counts.size() && base::Histogram::begin(i + 1) <= end; ++i) histogram.sample_count += counts[i];
    histogram.bucket.push_back({histogram.sample_count, seconds(end)});
  }
  histogram.sample_count = base::total(counts);
  histogram.bucket.push_back({histogram.sample_count, std::numeric_limits<double>::infinity()});
  for (i = 0; i < counts.size(); ++i) {
    const base::Duration middle = (base::Histogram::begin(i) + base::Histogram::begin(i + 1)) / 2;
    histogram.sample_sum += static_cast<double>(counts[i]) * seconds(middle);
  }
  to.metric.push_back(std::move(metric));
}

struct Kind {
  StatisticsRow::Of of;
  const char *name, *title;
  std::size_t most;
};
constexpr std::array kKinds = {Kind{StatisticsRow::Of::kPort, "port", "Target port: ", kMostPorts},
                               Kind{StatisticsRow::Of::kSession, "session", "Session (I_T nexus): ", kMostSessions},
                               Kind{StatisticsRow::Of::kUnit, "lu", "Logical unit: ", kMostUnits}};

Labels labels_of(const StatisticsRow& row, Labels more = {}) {
  Labels labels;
  if (row.of == StatisticsRow::Of::kSession) {
    labels = {{"session", std::to_string(row.session)}, {"initiator", row.name}, {"target", row.target}};
  } else {
    labels = {{row.of == StatisticsRow::Of::kPort ? "port" : "lu", row.name}};
  }
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

void add_kind(Families& all, const Kind& kind, std::span<const StatisticsRow> rows) {
  const std::string prefix = std::string("outboard_") + kind.name + "_";
  const auto make = [&](const char* name, const char* help, MetricType type, auto&& value_of) {
    MetricFamily& made = family(all, prefix + name, std::string(kind.title) + help, type);
    for (const StatisticsRow& row : rows) value_of(made, row);
  };
  make("commands_total", "commands that have ended", MetricType::Counter, [](auto& out, const StatisticsRow& row) {
    add(out, labels_of(row, {{"type", "read"}}), static_cast<double>(base::total(row.statistics.reads)));
    add(out, labels_of(row, {{"type", "write"}}), static_cast<double>(base::total(row.statistics.writes)));
    add(out, labels_of(row, {{"type", "other"}}), static_cast<double>(row.statistics.others));
  });
  make("bytes_total", "data moved by commands", MetricType::Counter, [](auto& out, const StatisticsRow& row) {
    add(out, labels_of(row, {{"type", "read"}}), static_cast<double>(row.statistics.read_bytes));
    add(out, labels_of(row, {{"type", "write"}}), static_cast<double>(row.statistics.write_bytes));
  });
  make("errors_total", "commands that ended with CHECK CONDITION", MetricType::Counter,
       [](auto& out, const auto& row) { add(out, labels_of(row), static_cast<double>(row.statistics.errors)); });
  make("aborts_total", "commands that were aborted", MetricType::Counter, [](auto& out, const StatisticsRow& row) {
    add(out, labels_of(row), static_cast<double>(row.statistics.aborted));
  });
  make("commands_in_flight", "commands in the task set", MetricType::Gauge, [](auto& out, const StatisticsRow& row) {
    add(out, labels_of(row), static_cast<double>(row.statistics.in_flight));
  });
  make("latency_seconds", "time from a command's arrival to its status", MetricType::Histogram,
       [](auto& out, const StatisticsRow& row) {
         add(out, labels_of(row, {{"type", "read"}}), row.statistics.reads);
         add(out, labels_of(row, {{"type", "write"}}), row.statistics.writes);
       });
}

void add_states(Families& all, std::span<const StatisticsRow> units, std::span<const FcPortInfo> ports) {
  MetricFamily& of_units = family(all, "outboard_lu_online", "1: the logical unit serves commands", MetricType::Gauge);
  for (const StatisticsRow& unit : units) add(of_units, labels_of(unit), unit.state == "online" ? 1 : 0);
  MetricFamily& of_ports = family(all, "outboard_fc_port_online", "1: the port is on its link", MetricType::Gauge);
  for (const FcPortInfo& port : ports.first(std::min(ports.size(), kMostPorts))) {
    add(of_ports, {{"port", port.config.name}}, port.state == "online" ? 1 : 0);
  }
}

void add_rows(Families& all, MetricsSnapshot& snapshot) {
  std::vector<StatisticsRow>& rows = snapshot.rows;
  std::ranges::stable_sort(rows, {}, [](const StatisticsRow& row) { return std::tie(row.of, row.session, row.name); });
  MetricFamily left{"outboard_metrics_left_out", "Things without series of their own: too many", MetricType::Gauge, {}};
  for (const Kind& kind : kKinds) {
    const std::span<const StatisticsRow> found(std::ranges::lower_bound(rows, kind.of, {}, &StatisticsRow::of),
                                               std::ranges::upper_bound(rows, kind.of, {}, &StatisticsRow::of));
    const auto shown = found.first(std::min(found.size(), kind.most));
    add_kind(all, kind, shown);
    add(left, {{"of", kind.name}}, static_cast<double>(found.size() - shown.size()));
    if (kind.of == StatisticsRow::Of::kUnit) add_states(all, shown, snapshot.fc_ports);
  }
  all.push_back(std::move(left));
}

struct Count {
  const char *name, *help;
  std::uint64_t value;
};

void add_fabric(Families& all, const std::string& prefix, std::span<const Count> counts) {
  for (const Count& count : counts) {
    add(all, prefix + count.name + "_total", count.help, MetricType::Counter, static_cast<double>(count.value));
  }
}

void add_fabrics(Families& all, const iscsi::FabricCounters& iscsi, const fcp::FabricCounters& fc) {
  const std::array of_iscsi = {
      Count{"logins", "iSCSI logins that succeeded", iscsi.logins},
      Count{"login_failures", "iSCSI logins that were refused", iscsi.login_failures},
      Count{"authentication_failures", "Of these: CHAP failed", iscsi.authentication_failures},
      Count{"redirections", "iSCSI logins that were sent elsewhere", iscsi.redirections},
      Count{"rejects", "Reject PDUs sent", iscsi.rejects},
      Count{"digest_errors", "PDUs with a wrong digest", iscsi.digest_errors},
      Count{"protocol_errors", "Connections ended for what the initiator sent", iscsi.protocol_errors},
      Count{"connections_refused", "TCP connections beyond a limit", iscsi.connections_refused},
      Count{"recovery_refusals", "Times that sent data was not kept for recovery: a limit", iscsi.recovery_refusals}};
  add_fabric(all, "outboard_iscsi_", of_iscsi);
  add(all, "outboard_iscsi_recovery_bytes", "Sent and not acknowledged, kept for recovery", MetricType::Gauge,
      static_cast<double>(iscsi.recovery_bytes));
  const std::array of_fc = {Count{"logins", "Process logins", fc.logins},
                            Count{"logins_refused", "Logins that were refused", fc.logins_refused},
                            Count{"logins_ended", "Process logins that have ended", fc.logins_ended},
                            Count{"aborts", "Exchanges that initiators aborted", fc.aborts},
                            Count{"task_management", "Task management functions", fc.task_management},
                            Count{"invalid_commands", "FCP_CMND IUs that make no sense", fc.invalid_commands},
                            Count{"state_changes", "RSCNs received", fc.state_changes},
                            Count{"adapter_failures", "Adapters brought up again", fc.adapter_failures}};
  add_fabric(all, "outboard_fc_", of_fc);
}

}  // namespace

std::string exposition(MetricsSnapshot snapshot) {
  Families all;
  add(all, "process_start_time_seconds", "Start of the process, in seconds since 1970", MetricType::Gauge,
      snapshot.started);
  add(all, "process_cpu_seconds_total", "CPU time of the process", MetricType::Counter, snapshot.cpu);
  add_rows(all, snapshot);
  add_fabrics(all, snapshot.iscsi, snapshot.fc);
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace ctl
