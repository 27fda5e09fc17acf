// RSCNs of our own: what initiators can see at this port has changed, and they need not send a command to hear of it.
// Changes within kGather are one RSCN; none is sent while the port is not registered with the fabric, or without one.
#pragma once

#include "hal/port/fc_port.h"
#include "hal/timer.h"

namespace fcp {

// On the port's reactor.
class StateReports {
 public:
  // From the first change to its RSCN, and so at least between two of them: each makes initiators look anew, and some
  // (Linux's qla2xxx) log in anew.
  static constexpr base::Duration kGather = std::chrono::milliseconds(500);

  explicit StateReports(hal::fc::FcPort& port) : port_(port) {}
  void changed();
  void allow(bool on);  // not now: what has changed is kept for later
  void answered();      // state_change_reported
  void forget();        // the port goes off the link, or there is no fabric

 private:
  void consider();
  static void due(void* context);

  hal::fc::FcPort& port_;
  bool changed_ = false, allowed_ = false, out_ = false;
  hal::Timer timer_{&StateReports::due, this};
};

}  // namespace fcp
