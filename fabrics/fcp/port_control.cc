// A port's way on and off the link, and what it tells of itself.
#include "fabrics/fcp/port_control.h"

#include <algorithm>
#include <utility>

#include "fabrics/fcp/login_policy.h"

namespace fcp {

PortControl::PortControl(hal::fc::FcPort& port, std::string name, std::vector<scsi::TaskRouter*> routers,
                         PortHost& host)
    : port_(port),
      reactor_(port.reactor()),
      host_(host),
      name_(std::move(name)),
      registration_(port, *this),
      peer_login_(port),
      state_reports_(port) {
  const std::vector<hal::fc::FcQueue*> queues = port.queues();
  for (std::size_t i = 0; i < queues.size(); ++i) {
    lanes_.push_back(std::make_unique<Lane>(*queues[i], *routers[i], *this, name_));
  }
}

PortControl::~PortControl() = default;

// --- settings ---

void PortControl::apply(const PortConfig& config, Done done) {
  wanted_ = config;
  if (state_ == State::kOn) {  // at once; the rest with the next start
    config_.initiators = config.initiators;
    config_.report_changes = config.report_changes;
  }
  Wait wait{.sessions = {}, .done = [this, then = std::move(done)]() mutable {
              settled_.push_back(std::move(then));
              pursue();
            }};
  for (auto& [id, login] : logins_) {
    if (permits(wanted_, login.initiator.port_name)) continue;
    wait.sessions.push_back(login.session);
    ask_end(id, login);
  }
  waits_.push_back(std::move(wait));
  pursue();
  finish_waits();
}

// One step towards what is wanted; called again when something has changed.
void PortControl::pursue() {
  const bool same_port = config_.relative_id == wanted_.relative_id && config_.port_group == wanted_.port_group;
  if (state_ == State::kOn && (!wanted_.online || !same_port)) {
    state_ = State::kStopping;
    stop_asking("offline");
    state_reports_.forget();
    in_fabric_ = false;
    for (const hal::fc::LinkService& service : std::exchange(waiting_, {})) answer(service);  // no, by now
    port_.stop([this] {
      state_ = State::kOff;
      known_.clear();
      pursue();
    });
    return;
  }
  if (state_ == State::kOff && wanted_.online) {
    config_ = wanted_;
    state_ = State::kOn;
    stop_asking("link down");
    port_.start(*this);
  }
  if (state_ == State::kStopping) return;
  for (const Done& done : std::exchange(settled_, {})) done();
}

PortStatus PortControl::status() const {
  return {.config = wanted_, .attached = true, .registration = registration_.state(), .info = port_.info()};
}

std::vector<EventInfo> PortControl::events() const {
  std::vector<EventInfo> list;
  std::uint64_t number = events_.overwritten();
  events_.for_each([&](const PortEvents::Entry& entry) {
    list.push_back({.age = reactor_.now() - entry.at,
                    .port = name_,
                    .event = fcp::name(entry.event),
                    .subject = base::escaped(entry.subject(), 4 * PortEvents::kSubject),
                    .detail = entry.detail,
                    .ring = name_,
                    .at = entry.at,
                    .number = ++number});
  });
  return list;
}

}  // namespace fcp
