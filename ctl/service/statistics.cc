// Statistics of ports, sessions and logical units.
#include <algorithm>
#include <memory>

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

struct Wanted {
  bool ports, sessions, units, latency;
};

base::Result<Wanted> wanted_of(const Params& params) {
  Wanted wanted{false, false, false, params.flag("latency")};
  for (const std::string& word : params.list("of")) {
    bool* const which = word == "port"      ? &wanted.ports
                        : word == "session" ? &wanted.sessions
                        : word == "lu"      ? &wanted.units
                                            : nullptr;
    if (which == nullptr) return base::fail(base::Errc::kInvalid, "of must be port, session or lu");
    *which = true;
  }
  if (params.list("of").empty()) wanted.ports = wanted.sessions = wanted.units = true;
  return wanted;
}

// Rows as they are gathered, one kind after the other. Made by stats(), deleted by finish().
struct Gathering {
  Machine& machine;
  Wanted wanted;
  Reply reply;
  Json rows = Json::array();

  Gathering(Machine& which, const Wanted& what, Reply to) : machine(which), wanted(what), reply(std::move(to)) {}
  Json& add(const char* kind, const std::string& name, const scsi::Statistics& statistics) {
    Json row = show(statistics, wanted.latency);
    row["kind"] = kind;
    row["name"] = name;
    return rows.emplace_back(std::move(row));
  }
  void add_session(std::uint64_t id, const std::string& initiator, const std::string& target,
                   const scsi::Statistics& statistics) {
    Json& row = add("session", initiator, statistics);
    row["id"] = id;
    row["target"] = target;
  }
};

void finish(Gathering* all) {
  const std::unique_ptr<Gathering> last(all);
  last->reply(std::move(last->rows));
}

void gather_units(Gathering* all) {
  if (!all->wanted.units) return finish(all);
  all->machine.list_lus([all](const std::vector<scsi::LuInfo>& units) {
    for (const scsi::LuInfo& unit : units) all->add("lu", unit.config.name, unit.statistics);
    finish(all);
  });
}

void gather_sessions(Gathering* all) {
  if (!all->wanted.sessions) return gather_units(all);
  all->machine.list_sessions([all](const std::vector<iscsi::SessionInfo>& sessions) {
    for (const iscsi::SessionInfo& session : sessions) {
      if (!session.discovery) all->add_session(session.id, session.initiator, session.target, session.statistics);
    }
    all->machine.list_fc_sessions([all](const std::vector<fcp::SessionInfo>& more) {
      for (const fcp::SessionInfo& session : more) {
        all->add_session(session.id, to_string(session.initiator.port_name), session.port, session.statistics);
      }
      gather_units(all);
    });
  });
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
  const auto wanted = wanted_of(params);
  if (!wanted) return reply(tl::unexpected<base::Error>(wanted.error()));
  auto* const all = new Gathering(machine_, *wanted, std::move(reply));
  if (!wanted->ports) return gather_sessions(all);
  machine_.list_ports([all](const std::vector<scsi::NamedStatistics>& ports) {
    for (const auto& [name, statistics] : ports) all->add("port", name, statistics);
    gather_sessions(all);
  });
}

}  // namespace ctl
