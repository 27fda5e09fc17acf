// Link services of remote ports: answered at once, or when an older login of the port has ended.
#include <algorithm>

#include "fabrics/fcp/login_policy.h"
#include "fabrics/fcp/port_control.h"

namespace fcp {

using hal::fc::LinkService;
using hal::fc::LinkServiceAnswer;
using hal::fc::LinkServiceKind;

bool PortControl::is_logged_in(const hal::fc::RemotePort& who) const {
  const auto known = known_.find(who.port_name);
  return known != known_.end() && known->second == who.id;
}

// What an answer of ours to a link service makes of the N_Port login.
void PortControl::know(const LinkService& service) {
  if (service.kind == LinkServiceKind::kLogo) forget(service.from.port_name);
  if (service.kind != LinkServiceKind::kPlogi) return;
  peer_login_.logged_in(service.from.port_name);
  if (known_.size() >= kMaxKnown) known_.erase(known_.begin());  // its ADISC will be refused, so it logs in anew
  known_[service.from.port_name] = service.from.id;
}

// Its N_Port login is over; point to point, it may wait for a PLOGI of ours.
void PortControl::forget(hal::fc::Wwn name) {
  known_.erase(name);
  if (state_ == State::kOn && permits(config_, name) && !peer_login_.logged_out(name)) {
    kLog.warn("{}: {} has logged out too often: not logged in to before the link comes up anew", name_,
              to_string(name));
  }
}

PortControl::Logins::iterator PortControl::find_name(hal::fc::Wwn name) {
  return std::find_if(logins_.begin(), logins_.end(), [name](const auto& each) {
    return each.second.initiator.port_name == name && each.second.state != LoginState::kWaiting;
  });
}

void PortControl::link_service_received(const LinkService& service) {
  const bool begins = service.kind == LinkServiceKind::kPlogi || service.kind == LinkServiceKind::kPrli;
  const auto old = find_name(service.from.port_name);
  if (begins && old != logins_.end() && state_ == State::kOn && waiting_.size() < kMaxWaiting) {
    if (old->second.state != LoginState::kEnding) ask_end(old->first, old->second);
    waiting_.push_back(service);
    return;
  }
  answer(service);
}

void PortControl::answer(const LinkService& service) {
  const bool online = state_ == State::kOn && find_name(service.from.port_name) == logins_.end();
  const bool ends_only = service.kind != LinkServiceKind::kPlogi && service.kind != LinkServiceKind::kPrli;
  const LinkServiceAnswer answer =
      decide(service, config_, {.logged_in = is_logged_in(service.from), .port_online = ends_only || online});
  if (answer.accept) {
    know(service);
  } else {
    ++counters_.logins_refused;
    const std::uint64_t detail =
        static_cast<std::uint64_t>(service.kind) << 16 | std::uint64_t{answer.reason} << 8 | answer.explanation;
    note(PortEvent::kLoginRefused, to_string(service.from.port_name), detail);
    if (log_budget_.allow(reactor_.now())) {
      kLog.info("{}: {} refused, reason {:02x}, explanation {:02x} ({} lines suppressed)", name_,
                to_string(service.from.port_name), answer.reason, answer.explanation, log_budget_.suppressed());
    }
  }
  port_.answer(service.id, answer);
}

}  // namespace fcp
