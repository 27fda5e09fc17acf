// Gathering statistics.
#include "ctl/metrics/statistics.h"

#include <memory>
#include <utility>

namespace ctl {
namespace {

using Of = StatisticsRow::Of;

// Made by gather_statistics(), deleted by finish().
struct Gathering {
  Machine& machine;
  StatisticsWanted wanted;
  std::function<void(std::vector<StatisticsRow>)> done;
  std::vector<StatisticsRow> rows = {};
};

void finish(Gathering* all) {
  const std::unique_ptr<Gathering> last(all);
  last->done(std::move(last->rows));
}

void gather_units(Gathering* all) {
  if (!all->wanted.units) return finish(all);
  all->machine.list_lus([all](const std::vector<scsi::LuInfo>& units) {
    for (const scsi::LuInfo& unit : units) {
      all->rows.push_back({Of::kUnit, unit.config.name, 0, {}, unit.state, unit.statistics});
    }
    finish(all);
  });
}

void gather_fc_sessions(Gathering* all) {
  all->machine.list_fc_sessions([all](const std::vector<fcp::SessionInfo>& sessions) {
    for (const fcp::SessionInfo& session : sessions) {
      all->rows.push_back(
          {Of::kSession, to_string(session.initiator.port_name), session.id, session.port, {}, session.statistics});
    }
    gather_units(all);
  });
}

void gather_sessions(Gathering* all) {
  if (!all->wanted.sessions) return gather_units(all);
  all->machine.list_sessions([all](const std::vector<iscsi::SessionInfo>& sessions) {
    for (const iscsi::SessionInfo& session : sessions) {
      if (session.discovery) continue;
      all->rows.push_back({Of::kSession, session.initiator, session.id, session.target, {}, session.statistics});
    }
    gather_fc_sessions(all);
  });
}

}  // namespace

void gather_statistics(Machine& machine, StatisticsWanted wanted,
                       std::function<void(std::vector<StatisticsRow>)> done) {
  auto* const all = new Gathering{machine, wanted, std::move(done)};
  if (!wanted.ports) return gather_sessions(all);
  machine.list_ports([all](const std::vector<scsi::NamedStatistics>& ports) {
    for (const auto& [name, statistics] : ports) all->rows.push_back({Of::kPort, name, 0, {}, {}, statistics});
    gather_sessions(all);
  });
}

}  // namespace ctl
