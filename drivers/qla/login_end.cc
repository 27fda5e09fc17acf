// How logins end: told to the user, held until it lets go, then forgotten by the firmware.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "drivers/qla/link_services.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");

bool same_port(const hal::fc::RemotePort& one, const hal::fc::RemotePort& other) {
  return one.id == other.id || one.port_name == other.port_name;
}

}  // namespace

void LinkServices::open_login(hal::fc::LoginId id) {
  CHECK(logins_.valid(id));
  if (logins_[id].state == LoginState::kClosed) logins_[id].state = LoginState::kOpen;
}

// Its commands are not found any more; what is out for it comes back; the user lets go.
void LinkServices::end(hal::fc::LoginId id) {
  Login& login = logins_[id];
  if (!login.working()) return;
  logins_.end(id);
  device_.note(Event::kLoginEnded, "", login.remote.id.raw);
  kLog.debug("{}: login of {} ended", device_.options.name, hal::fc::to_string(login.remote.port_name));
  if (QueuePair* const pair = pairs_ == nullptr ? nullptr : pairs_->of(id)) {
    pair->add({.kind = Order::Kind::kLoginEnded, .login = id, .epoch = device_.epoch});
  } else {
    queue_.login_ended(id);
  }
  user_->login_ended(id);
}

void LinkServices::end_login(hal::fc::LoginId id) {
  CHECK(logins_.valid(id));
  if (!logins_[id].working()) return;
  logins_[id].log_out = true;
  if (std::find(owed_logins_.begin(), owed_logins_.end(), id) == owed_logins_.end()) owed_logins_.push_back(id);
}

bool LinkServices::poll() {
  if (owed_logins_.empty()) return false;
  while (!owed_logins_.empty()) {
    const hal::fc::LoginId id = owed_logins_.back();
    owed_logins_.pop_back();
    if (logins_[id].log_out) end(id);  // else another has its number by now
  }
  return true;
}

bool LinkServices::end_logins_of(const hal::fc::RemotePort& port, bool keep_port) {
  bool any = false;
  for (hal::fc::LoginId id = 0; id < logins_.count(); ++id) {
    if (!logins_[id].working() || !same_port(logins_[id].remote, port)) continue;
    any = true;
    logins_[id].keep_port = keep_port;
    end(id);
  }
  return any;
}

// A login of this port that the user has not let go of, or that the firmware is being told to forget.
bool LinkServices::busy_with(const hal::fc::RemotePort& port) const {
  for (hal::fc::LoginId id = 0; id < logins_.count(); ++id) {
    if (logins_[id].state != LoginState::kFree && same_port(logins_[id].remote, port)) return true;
  }
  return false;
}

void LinkServices::port_logged_out(std::uint16_t nport) {
  for (hal::fc::LoginId id = 0; id < logins_.count(); ++id) {
    if (logins_[id].working() && logins_[id].nport == nport) end(id);
  }
}

void LinkServices::end_all(bool log_out) {
  for (hal::fc::LoginId id = 0; id < logins_.count(); ++id) {
    if (!logins_[id].working()) continue;
    logins_[id].log_out |= log_out;
    end(id);
  }
}

void LinkServices::release_login(hal::fc::LoginId id) {
  CHECK(logins_.valid(id) && logins_[id].state == LoginState::kEnded);
  Login& login = logins_[id];
  const auto waits = [&](const Pending& pending) {  // for this: the port goes on with what it asked for
    return pending.state != State::kFree && hal::fc::PortId{pending.notify.port_id} == login.remote.id &&
           (pending.kind == hal::fc::LinkServiceKind::kPlogi || pending.kind == hal::fc::LinkServiceKind::kPrli);
  };
  const bool forget = device_.running && login.epoch == device_.epoch && !login.keep_port &&
                      std::none_of(pending_.begin(), pending_.end(), waits);
  if (forget) {
    using Flags = wire::LogIo;
    const std::uint16_t flags =
        static_cast<std::uint16_t>(Flags::Operation::of(wire::kLogLogo) | Flags::FreeHandle::kMask |
                                   (login.log_out ? Flags::Explicit::kMask : Flags::Implicit::kMask));
    login.state = LoginState::kLeaving;
    if (log_out(login.nport, login.remote.id, flags, Purpose::kLoggedOut, id)) return;
  }
  logins_.release(id);
  resume_held();
}

void LinkServices::reset() {
  for (Pending& pending : pending_) {
    if (pending.state == State::kFree) continue;
    pending.state = State::kFree;
    ++pending.generation;
  }
  end_all(false);
}

}  // namespace qla
