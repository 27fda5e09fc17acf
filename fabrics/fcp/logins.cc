// The life of logins: a nexus on their lane, until both have let go.
#include <algorithm>

#include "base/check.h"
#include "fabrics/fcp/login_policy.h"
#include "fabrics/fcp/port_control.h"

namespace fcp {

using hal::fc::LinkService;
using hal::fc::LoginId;

Lane& PortControl::lane_of(LoginId login) { return *lanes_[hal::fc::FcPort::queue_of(login, lanes_.size())]; }

void PortControl::on_lane(LoginId login, std::function<void(Lane&)> function) {
  Lane& lane = lane_of(login);
  lane.reactor().post_function([&lane, run = std::move(function)] { run(lane); });
}

void PortControl::logged_in(LoginId id, const hal::fc::RemotePort& initiator, std::uint32_t parameters) {
  CHECK(!logins_.contains(id));
  publish_identity();
  peer_login_.process_login(initiator.port_name);
  const auto old = find_name(initiator.port_name);
  Login& login = logins_[id];
  login.initiator = initiator;
  login.parameters = parameters;
  login.session = host_.draw_session_id();
  if (state_ != State::kOn || !permits(config_, initiator.port_name)) return ask_end(id, login);
  if (old == logins_.end()) return open(id, login);
  if (old->second.state != LoginState::kEnding) ask_end(old->first, old->second);
}

void PortControl::open(LoginId id, Login& login) {
  ++counters_.logins;
  login.state = LoginState::kOpening;
  const Session session{
      .id = login.session, .login = id, .initiator = login.initiator, .service_parameters = login.parameters};
  kLog.info("{}: {} logged in as {:06x}", name_, to_string(login.initiator.port_name), login.initiator.id.raw);
  on_lane(id, [session](Lane& lane) { lane.establish(session); });
}

void PortControl::session_ready(LoginId id) {
  reactor_.post_function([this, id] {
    const auto at = logins_.find(id);
    if (at == logins_.end() || at->second.state != LoginState::kOpening) return;
    at->second.state = LoginState::kOpen;
    port_.open_login(id);
  });
}

void PortControl::ask_end(LoginId id, Login& login) {
  if (login.end_asked || login.state == LoginState::kEnding) return;
  login.end_asked = true;
  note(PortEvent::kLogoutAsked, to_string(login.initiator.port_name), login.session);
  port_.end_login(id);
}

void PortControl::session_unwanted(LoginId id) {
  reactor_.post_function([this, id] {
    const auto at = logins_.find(id);
    if (at != logins_.end()) ask_end(id, at->second);
  });
}

void PortControl::login_ended(LoginId id) {
  const auto at = logins_.find(id);
  CHECK(at != logins_.end() && at->second.state != LoginState::kEnding);
  const hal::fc::Wwn name = at->second.initiator.port_name;
  if (at->second.end_asked) forget(name);
  known_.erase(name);  // at worst, an ADISC after a PRLO is refused, and it logs in anew
  if (at->second.state == LoginState::kWaiting) return release(at);
  ++counters_.logins_ended;
  at->second.state = LoginState::kEnding;
  on_lane(id, [id](Lane& lane) { lane.lose(id); });
}

void PortControl::session_gone(LoginId id) {
  reactor_.post_function([this, id] { release(logins_.find(id)); });
}

void PortControl::release(Logins::iterator at) {
  CHECK(at != logins_.end());
  const hal::fc::Wwn name = at->second.initiator.port_name;
  port_.release_login(at->first);
  logins_.erase(at);
  serve_waiting(name);
  finish_waits();
}

// The name is free: a login that is complete already takes it, else who asked for one.
void PortControl::serve_waiting(hal::fc::Wwn name) {
  if (find_name(name) != logins_.end()) return;
  for (auto& [id, login] : logins_) {
    if (login.initiator.port_name != name || login.end_asked) continue;
    open(id, login);
    return;
  }
  std::vector<LinkService> ready;
  std::erase_if(waiting_, [&](const LinkService& service) {
    if (service.from.port_name != name) return false;
    ready.push_back(service);
    return true;
  });
  for (const LinkService& service : ready) answer(service);
}

bool PortControl::logout(std::uint64_t session, Done done) {
  for (auto& [id, login] : logins_) {
    if (login.session != session) continue;
    waits_.push_back({.sessions = {session}, .done = std::move(done)});
    ask_end(id, login);
    return true;
  }
  return false;
}

void PortControl::finish_waits() {
  for (std::size_t i = 0; i < waits_.size();) {
    Wait& wait = waits_[i];
    std::erase_if(wait.sessions, [this](std::uint64_t session) {
      return std::none_of(logins_.begin(), logins_.end(),
                          [session](const auto& each) { return each.second.session == session; });
    });
    if (!wait.sessions.empty()) {
      ++i;
      continue;
    }
    const Done done = std::move(wait.done);
    waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(i));
    done();
  }
}

}  // namespace fcp
