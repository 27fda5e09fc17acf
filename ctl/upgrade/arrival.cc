// The steps of the new daemon.
#include "ctl/upgrade/arrival.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "ctl/log.h"
#include "ctl/upgrade/words.h"

namespace ctl {

using namespace handover;

base::Result<std::unique_ptr<Arrival>> Arrival::meet(int descriptor, const std::string& version) {
  std::unique_ptr<Arrival> made(new Arrival(base::Fd(descriptor)));
  const Json hello = {{"protocol", kHandoverProtocol}, {"version", version}, {"pid", getpid()}};
  TRY(made->channel_.send(kHello, hello));
  HandoverMessage welcome = TRY(made->channel_.wait(kPrepareLimit, "say welcome"));
  if (welcome.kind != kWelcome || welcome.descriptors.size() != 2) {
    return base::fail(base::Errc::kInvalid, "the old outboardd did not say welcome but " + welcome.kind);
  }
  made->lock_ = std::move(welcome.descriptors[0]);
  made->management_ = std::move(welcome.descriptors[1]);
  return made;
}

Arrival::~Arrival() {
  if (parts_ != nullptr) parts_->control.unwatch(channel_.fd(), *this);
}

void Arrival::expect(const char* kind, base::Duration limit) {
  expected_ = kind;
  timer_.arm(parts_->control.timers(), parts_->control.now() + limit);
}

void Arrival::prepared(const Parts& parts, std::function<void()> begin, std::function<void(base::Error)> failed) {
  parts_ = std::make_unique<Parts>(parts);
  begin_ = std::move(begin);
  failed_ = std::move(failed);
  auto result = channel_.send(kPrepared, Json::object());
  if (result) result = parts_->control.watch(channel_.fd(), EPOLLIN, *this);
  if (!result) return ended(result.error());
  expect(kMedia, kMediaLimit);
}

void Arrival::fd_ready(std::uint32_t) {
  auto received = channel_.receive();
  if (!received) return ended(received.error());
  if (!*received || failed_ == nullptr) return;
  HandoverMessage& message = **received;
  if (message.kind != expected_) {
    return ended({base::Errc::kInvalid, "the old outboardd said something out of turn: " + message.kind});
  }
  timer_.disarm();
  expected_ = "";  // nothing before we have spoken again
  if (message.kind == kGo) return go();
  const auto taken = message.kind == kMedia ? take_media(message) : take_state(message);
  if (!taken) give_up(taken.error());
}

base::Result<void> Arrival::take_media(HandoverMessage& message) {
  HandoverState state = TRY(state_from_json(message.value, message.descriptors));
  std::map<std::string, scsi::MediumState> media;
  for (scsi::UnitState& unit : state.units) {
    units_.push_back(unit.name);
    media.emplace(unit.name, std::move(unit.medium));
  }
  parts_->engine.inherit_media(std::move(media));
  parts_->fabric.adopt_listeners(std::move(state.fabric.listeners));
  std::exchange(begin_, nullptr)();
  return {};
}

void Arrival::settled(std::function<void()> go) {
  for (const std::string& unit : units_) {
    if (const auto why = parts_->engine.why_absent(unit)) return give_up({base::Errc::kIo, unit + ": " + *why});
  }
  if (!parts_->engine.hold_domains()) return give_up({base::Errc::kBusy, "discovery domains are being changed"});
  go_ = std::move(go);
  if (const auto sent = channel_.send(kSettled, Json::object()); !sent) return ended(sent.error());
  expect(kState, kStateLimit);
}

base::Result<void> Arrival::take_state(HandoverMessage& message) {
  HandoverState state = TRY(state_from_json(message.value, message.descriptors));
  fabric_ = std::move(state.fabric);
  parts_->core.take_over(std::move(state.units), [this](const base::Result<void>& result) {
    if (failed_ == nullptr) return;
    if (!result) return give_up(result.error());
    take_sessions();
  });
  return {};
}

void Arrival::take_sessions() {
  parts_->fabric.restore(std::move(fabric_), [this](const base::Result<void>& result) {
    if (failed_ == nullptr) return;
    if (!result) return give_up(result.error());
    if (const auto sent = channel_.send(kReady, Json::object()); !sent) return ended(sent.error());
    expect(kGo, kGoLimit);
  });
}

void Arrival::go() {
  failed_ = nullptr;
  parts_->control.unwatch(channel_.fd(), *this);
  parts_->fabric.thaw();
  parts_->engine.let_domains_go();
  parts_.reset();
  const auto told = std::move(go_);  // destroys this
  told();
}

void Arrival::tell_failure(const base::Error& error) { (void)channel_.send(kFailed, {{"text", error.text}}); }

void Arrival::give_up(const base::Error& error) {
  tell_failure(error);
  ended(error);
}

void Arrival::ended(const base::Error& error) {
  timer_.disarm();
  if (const auto failed = std::exchange(failed_, nullptr)) failed(error);
}

void Arrival::too_late(void* context) {
  auto& self = *static_cast<Arrival*>(context);
  self.ended({base::Errc::kTimeout, fmt::format("the old outboardd did not say \"{}\" in time", self.expected_)});
}

}  // namespace ctl
