// Point to point without a fabric (FC-LS-3 6.2.2.4): the port with the larger name logs in to the other one, which then
// may ask for a process login. A PLOGI that fails is tried again until it succeeds or the link goes. One that the other
// port ends by LOGO comes again, too: that port waits for ours. Pauses grow, and after kMostLogouts in a row without a
// process login it is left alone until the link comes up anew.
#pragma once

#include "hal/port/fc_port.h"
#include "hal/timer.h"

namespace fcp {

// On the port's reactor.
class PeerLogin {
 public:
  static constexpr std::uint32_t kMostLogouts = 10;

  explicit PeerLogin(hal::fc::FcPort& port) : port_(port) {}
  void start(const hal::fc::RemotePort& peer);
  void stop();
  // Whether that was the answer to ours, and we are logged in.
  bool answered(hal::fc::PortId port, const base::Result<void>& result);
  // Of any port; what is not the peer's is ignored. False: it is left alone from now on.
  bool logged_out(hal::fc::Wwn name);
  void logged_in(hal::fc::Wwn name);      // by a PLOGI of its own: ours is not needed
  void process_login(hal::fc::Wwn name);  // it is worth logging in to
  const hal::fc::RemotePort& peer() const { return peer_; }

 private:
  void later(base::Duration pause);
  static void due(void* context);

  hal::fc::FcPort& port_;
  hal::fc::RemotePort peer_;  // no name: none
  bool active_ = false;       // a PLOGI is out, or will be
  std::uint32_t logouts_ = 0;
  hal::Timer timer_{&PeerLogin::due, this};
};

}  // namespace fcp
