// The tries of a login to the other port.
#include "fabrics/fcp/peer_login.h"

namespace fcp {
namespace {

constexpr base::Duration kPause = std::chrono::seconds(1);  // the other port may have just begun to listen

}  // namespace

void PeerLogin::start(const hal::fc::RemotePort& peer) {
  timer_.disarm();
  peer_ = peer;
  active_ = true;
  port_.log_in(peer_.id);
}

void PeerLogin::stop() {
  active_ = false;
  timer_.disarm();
}

bool PeerLogin::answered(hal::fc::PortId port, const base::Result<void>& result) {
  if (!active_ || port != peer_.id) return false;
  if (result) {
    stop();
    return true;
  }
  hal::Reactor& reactor = port_.reactor();
  timer_.arm(reactor.timers(), reactor.now() + kPause);
  return false;
}

void PeerLogin::due(void* context) {
  auto& self = *static_cast<PeerLogin*>(context);
  self.port_.log_in(self.peer_.id);
}

}  // namespace fcp
