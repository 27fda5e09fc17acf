// Gathering the page.
#include "ctl/metrics/endpoint.h"

#include <sys/resource.h>

#include <chrono>

#include "ctl/wall_clock.h"

namespace ctl {
namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double wall_seconds() { return std::chrono::duration<double>(wall_clock()).count(); }

}  // namespace

MetricsEndpoint::MetricsEndpoint(hal::Reactor& control, Machine& machine)
    : control_(control), machine_(machine), started_(wall_seconds()) {}

base::Result<void> MetricsEndpoint::apply(const Metrics& metrics) {
  if (metrics.listen.empty()) {
    server_.reset();
  } else if (metrics.listen != metrics_.listen || server_ == nullptr) {
    server_ = TRY(PageServer::listen(control_, metrics.listen, {}, [this] { wanted(); }));
  }
  metrics_ = metrics;
  page_.clear();
  return {};
}

// Answers from the loop, never from inside the request: by message if the page is there already.
void MetricsEndpoint::wanted() {
  if (gathering_) return;
  gathering_ = true;
  if (!page_.empty() && control_.now() - made_ < kFresh) {
    control_.post_function([this] {
      gathering_ = false;
      if (server_ != nullptr) server_->answer(page_);
    });
    return;
  }
  gather_statistics(machine_, {true, metrics_.sessions, true}, [this](std::vector<StatisticsRow> rows) {
    auto* const snapshot = new MetricsSnapshot;  // deleted at the end of gather_counters()
    snapshot->rows = std::move(rows);
    gather_counters(snapshot);
  });
}

void MetricsEndpoint::gather_counters(MetricsSnapshot* snapshot) {
  machine_.counters([this, snapshot](const iscsi::FabricCounters& iscsi) {
    snapshot->iscsi = iscsi;
    machine_.fc_counters([this, snapshot](const fcp::FabricCounters& fc) {
      snapshot->fc = fc;
      machine_.list_fc_ports([this, snapshot](std::vector<FcPortInfo> ports) {
        const std::unique_ptr<MetricsSnapshot> last(snapshot);
        last->fc_ports = std::move(ports);
        gathered(*last);
      });
    });
  });
}

void MetricsEndpoint::gathered(MetricsSnapshot& snapshot) {
  gathering_ = false;
  snapshot.started = started_;
  snapshot.cpu = cpu_seconds();
  page_ = exposition(std::move(snapshot));
  made_ = control_.now();
  if (server_ != nullptr) server_->answer(page_);
}

}  // namespace ctl
