// The tries of a login to the other port.
#include "fabrics/fcp/peer_login.h"

#include <algorithm>

namespace fcp {
namespace {

constexpr base::Duration kPause = std::chrono::seconds(1);  // the other port may have just begun to listen
constexpr base::Duration kLongestPause = std::chrono::seconds(30);

}  // namespace

void PeerLogin::start(const hal::fc::RemotePort& peer) {
  timer_.disarm();
  peer_ = peer;
  logouts_ = 0;
  active_ = true;
  port_.log_in(peer_.id);
}

void PeerLogin::stop() {
  peer_ = {};
  active_ = false;
  timer_.disarm();
}

bool PeerLogin::answered(hal::fc::PortId port, const base::Result<void>& result) {
  if (!active_ || port != peer_.id) return false;
  if (!result) {
    later(kPause);
    return false;
  }
  active_ = false;
  return true;
}

bool PeerLogin::logged_out(hal::fc::Wwn name) {
  if (active_ || name.raw == 0 || name != peer_.port_name) return true;
  if (++logouts_ > kMostLogouts) {
    stop();
    return false;
  }
  active_ = true;
  later(std::min(kPause * (1 << std::min(logouts_ - 1, 5U)), kLongestPause));
  return true;
}

void PeerLogin::logged_in(hal::fc::Wwn name) {
  if (name != peer_.port_name) return;
  active_ = false;
  timer_.disarm();
}

void PeerLogin::process_login(hal::fc::Wwn name) {
  if (name == peer_.port_name) logouts_ = 0;
}

void PeerLogin::later(base::Duration pause) {
  hal::Reactor& reactor = port_.reactor();
  timer_.arm(reactor.timers(), reactor.now() + pause);
}

void PeerLogin::due(void* context) {
  auto& self = *static_cast<PeerLogin*>(context);
  self.port_.log_in(self.peer_.id);
}

}  // namespace fcp
