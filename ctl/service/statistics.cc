// Statistics of ports, sessions and logical units, as JSON and for Prometheus.
#include "ctl/metrics/statistics.h"

#include "ctl/service/service.h"
#include "ctl/service/show.h"

namespace ctl {
namespace {

Json histogram(const base::HistogramCounts& counts) {
  Json out = Json::array();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) out.push_back({base::Histogram::begin(i + 1).count(), counts[i]});
  }
  return out;
}

Json quantiles(const base::HistogramCounts& counts) {
  return {{"p50_ns", base::quantile(counts, 0.5).count()},
          {"p99_ns", base::quantile(counts, 0.99).count()},
          {"p999_ns", base::quantile(counts, 0.999).count()}};
}

base::Result<StatisticsWanted> wanted_of(const std::vector<std::string>& words) {
  StatisticsWanted wanted;
  if (words.empty()) return wanted;
  wanted = {false, false, false};
  for (const std::string& word : words) {
    bool* const which = word == "port"      ? &wanted.ports
                        : word == "session" ? &wanted.sessions
                        : word == "lu"      ? &wanted.units
                                            : nullptr;
    if (which == nullptr) return base::fail(base::Errc::kInvalid, "of must be port, session or lu");
    *which = true;
  }
  return wanted;
}

Json show_row(const StatisticsRow& row, bool latency) {
  using Of = StatisticsRow::Of;
  Json out = show(row.statistics, latency);
  out["kind"] = row.of == Of::kPort ? "port" : row.of == Of::kSession ? "session" : "lu";
  out["name"] = row.name;
  if (row.of == Of::kSession) {
    out["id"] = row.session;
    out["target"] = row.target;
  }
  return out;
}

}  // namespace

Json show(const scsi::Statistics& statistics, bool latency) {
  base::HistogramCounts both = statistics.reads;
  base::add(both, statistics.writes);
  Json out = {{"reads", base::total(statistics.reads)},
              {"writes", base::total(statistics.writes)},
              {"others", statistics.others},
              {"read_bytes", statistics.read_bytes},
              {"write_bytes", statistics.write_bytes},
              {"errors", statistics.errors},
              {"aborted", statistics.aborted},
              {"in_flight", statistics.in_flight},
              {"read_latency", quantiles(statistics.reads)},
              {"write_latency", quantiles(statistics.writes)},
              {"latency", quantiles(both)}};
  if (!latency) return out;
  out["read_latency"]["buckets"] = histogram(statistics.reads);
  out["write_latency"]["buckets"] = histogram(statistics.writes);
  return out;
}

void Service::stats(const Params& params, Reply reply) {
  const auto wanted = wanted_of(params.list("of"));
  if (!wanted) return reply(tl::unexpected<base::Error>(wanted.error()));
  gather_statistics(
      machine_, *wanted,
      [latency = params.flag("latency"), reply = std::move(reply)](const std::vector<StatisticsRow>& rows) {
        Json out = Json::array();
        for (const StatisticsRow& row : rows) out.push_back(show_row(row, latency));
        reply(std::move(out));
      });
}

void Service::metrics_show(const Params&, Reply reply) {
  const Metrics& metrics = transactor_.config().metrics;
  reply(Json{{"listen", metrics.listen}, {"sessions", metrics.sessions}, {"address", machine_.metrics_address()}});
}

void Service::metrics_modify(const Params& params, Reply reply) {
  change(
      [params](Config& config) -> base::Result<void> {
        if (params.has("listen")) config.metrics.listen = params.text("listen");
        if (params.has("sessions")) config.metrics.sessions = params.flag("sessions");
        return {};
      },
      std::move(reply));
}

}  // namespace ctl
