// Point to point without a fabric (FC-LS-3 6.2.2.4): the port with the larger name logs in to the other one, which then
// may ask for a process login. Tried again until it succeeds or the link goes.
#pragma once

#include "hal/port/fc_port.h"
#include "hal/timer.h"

namespace fcp {

// On the port's reactor.
class PeerLogin {
 public:
  explicit PeerLogin(hal::fc::FcPort& port) : port_(port) {}
  void start(const hal::fc::RemotePort& peer);
  void stop();
  // Whether that was the answer to ours, and we are logged in.
  bool answered(hal::fc::PortId port, const base::Result<void>& result);
  const hal::fc::RemotePort& peer() const { return peer_; }

 private:
  static void due(void* context);

  hal::fc::FcPort& port_;
  hal::fc::RemotePort peer_;
  bool active_ = false;
  hal::Timer timer_{&PeerLogin::due, this};
};

}  // namespace fcp
