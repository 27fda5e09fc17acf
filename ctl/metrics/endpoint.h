// The page for Prometheus: opened and closed as the configuration says, gathered when somebody asks for it. An answer
// is good for a second, and there is one gathering at a time, so however many ask, the data reactors are asked once a
// second. Lives on the control reactor.
#pragma once

#include <memory>
#include <string>

#include "ctl/machine.h"
#include "ctl/metrics/exposition.h"
#include "ctl/metrics/page_server.h"

namespace ctl {

class MetricsEndpoint {
 public:
  static constexpr base::Duration kFresh = std::chrono::seconds(1);

  MetricsEndpoint(hal::Reactor& control, Machine& machine);
  // When the address cannot be had, everything stays as it was.
  base::Result<void> apply(const Metrics& metrics);
  std::string address() const { return server_ != nullptr ? server_->address() : std::string(); }  // as opened

 private:
  void wanted();
  void gather_counters(MetricsSnapshot* snapshot);
  void gathered(MetricsSnapshot& snapshot);

  hal::Reactor& control_;
  Machine& machine_;
  Metrics metrics_;
  const double started_;
  std::unique_ptr<PageServer> server_;
  bool gathering_ = false;
  std::string page_;
  base::Time made_{};  // when it was gathered; meaningless while it is empty
};

}  // namespace ctl
