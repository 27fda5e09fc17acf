// When an RSCN of ours goes out.
#include "fabrics/fcp/state_reports.h"

namespace fcp {

void StateReports::changed() {
  changed_ = true;
  consider();
}

void StateReports::allow(bool on) {
  allowed_ = on;
  if (!on) timer_.disarm();
  consider();
}

void StateReports::answered() {
  out_ = false;
  consider();
}

void StateReports::forget() {
  changed_ = allowed_ = out_ = false;
  timer_.disarm();
}

void StateReports::consider() {
  if (!changed_ || !allowed_ || out_ || timer_.armed()) return;
  hal::Reactor& reactor = port_.reactor();
  timer_.arm(reactor.timers(), reactor.now() + kGather);
}

void StateReports::due(void* context) {
  auto& self = *static_cast<StateReports*>(context);
  self.changed_ = false;
  self.out_ = true;
  self.port_.report_state_change();
}

}  // namespace fcp
