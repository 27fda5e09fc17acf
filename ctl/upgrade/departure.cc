// The steps of the old daemon.
#include "ctl/upgrade/departure.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include "ctl/log.h"
#include "ctl/upgrade/fields.h"
#include "ctl/upgrade/words.h"

namespace ctl {

using namespace handover;

namespace {

constexpr base::Duration kDescribeLimit = std::chrono::seconds(5);
constexpr base::Duration kFreezeSlack = std::chrono::seconds(7);  // beyond the sessions' own limit, which it enforces

// fn(medium, part): of a protected one also what holds the protection information.
template <class Medium, class Fn>
void for_each_medium(Medium& medium, const Fn& fn) {
  int part = 0;
  for (auto* each = &medium; each != nullptr; each = each->information.get()) fn(*each, part++);
}

}  // namespace

void Departure::start(const UpgradeOptions& options, Done done) {
  if (step_ != Step::kIdle) return done(base::fail(base::Errc::kBusy, "an upgrade is under way already"));
  if (!parts_.transactor.config().fc_ports.empty()) {
    return done(base::fail(base::Errc::kUnsupported,
                           "Fibre Channel ports cannot be handed over: remove them first, or end and start outboardd"));
  }
  const bool domains_held = parts_.engine.hold_domains();
  if (!domains_held || !parts_.transactor.hold()) {
    if (domains_held) parts_.engine.let_domains_go();
    return done(base::fail(base::Errc::kBusy, "the configuration is being changed: try again"));
  }
  ++attempt_;
  options_ = options;
  report_ = {};
  state_ = {};
  done_ = std::move(done);
  const auto begun = [this]() -> base::Result<void> {
    auto [ours, theirs] = TRY(HandoverChannel::make_pair());
    channel_.emplace(std::move(ours));
    TRY(parts_.control.watch(channel_->fd(), EPOLLIN, *this));
    return parts_.launcher.launch(std::move(theirs));
  }();
  if (!begun) return fail(begun.error());
  next(Step::kLaunched, kPrepareLimit, "start");
}

void Departure::next(Step step, base::Duration limit, const char* waits_for) {
  step_ = step;
  waits_for_ = waits_for;
  timer_.arm(parts_.control.timers(), parts_.control.now() + limit);
}

void Departure::too_late(void* context) {
  auto& self = *static_cast<Departure*>(context);
  self.fail({base::Errc::kTimeout, fmt::format("the new outboardd did not {} in time", self.waits_for_)});
}

void Departure::fd_ready(std::uint32_t) {
  for (;;) {
    if (step_ == Step::kIdle || step_ == Step::kGone) return;
    auto message = channel_->receive();
    if (!message) return fail(message.error());
    if (!*message) return;
    take(**message);
  }
}

void Departure::take(const HandoverMessage& message) {
  const Json& value = message.value;
  if (message.kind == kFailed) {
    return fail({base::Errc::kIo, "the new outboardd: " + text_field(value, "text")});
  }
  if (message.kind == kHello && step_ == Step::kLaunched) {
    if (number_field(value, "protocol") != kHandoverProtocol) {
      return fail({base::Errc::kUnsupported, "the new outboardd hands over in another way: end this one and start it"});
    }
    report_.version = text_field(value, "version");
    report_.pid = number_field(value, "pid");
    if (const auto sent = channel_->send(kWelcome, Json::object(), parts_.welcome()); !sent) return fail(sent.error());
    return next(Step::kWelcomed, kPrepareLimit, "make its parts");
  }
  if (message.kind == kPrepared && step_ == Step::kWelcomed) return share();
  if (message.kind == kSettled && step_ == Step::kShared) return freeze();
  if (message.kind == kReady && step_ == Step::kSent) return leave();
  fail({base::Errc::kInvalid, "the new outboardd said something out of turn: " + message.kind});
}

void Departure::describe_units(Step step, void (Departure::*then)(std::vector<scsi::UnitState>)) {
  next(step, kDescribeLimit, "hear of the logical units");
  parts_.core.hand_over([this, attempt = attempt_, step, then](base::Result<std::vector<scsi::UnitState>> units) {
    if (attempt != attempt_ || step_ != step) return;
    if (!units) return fail(units.error());
    (this->*then)(std::move(*units));
  });
}

// What takes long is done while sessions go on: the new daemon opens all media and puts the configuration in force. The
// page for Prometheus is its own from here on.
void Departure::share() {
  undo_ = true;
  parts_.engine.apply_metrics({}, [](const base::Result<void>&) {});
  describe_units(Step::kShared, &Departure::shared);
}

void Departure::shared(std::vector<scsi::UnitState> units) {
  for (const scsi::UnitState& unit : units) {
    for_each_medium(unit.medium, [&](const scsi::MediumState& medium, int part) {
      if (medium.descriptor) open_there_.insert({unit.name, part});
    });
  }
  HandoverState state;
  state.units = std::move(units);
  state.fabric.listeners = parts_.fabric.listeners();
  std::vector<base::Fd> descriptors;
  const Json json = state_to_json(state, descriptors);
  if (const auto sent = channel_->send(kMedia, json, descriptors); !sent) return fail(sent.error());
  next(Step::kShared, kConfigureLimit, "put the configuration in force");
}

void Departure::freeze() {
  next(Step::kFreezing, options_.wait + kFreezeSlack, "see all sessions come to rest");
  frozen_at_ = parts_.control.now();
  parts_.fabric.freeze(options_.wait, options_.force,
                       [this, attempt = attempt_](base::Result<iscsi::FabricState> fabric) {
                         if (attempt != attempt_ || step_ != Step::kFreezing) return;
                         if (!fabric) return fail(fabric.error());
                         frozen(std::move(*fabric));
                       });
}

void Departure::frozen(iscsi::FabricState fabric) {
  state_.fabric = std::move(fabric);
  describe_units(Step::kFreezing, &Departure::described);
}

void Departure::described(std::vector<scsi::UnitState> units) {
  state_.units = std::move(units);
  for (scsi::UnitState& unit : state_.units) {
    for_each_medium(unit.medium, [&](scsi::MediumState& medium, int part) {
      if (open_there_.contains({unit.name, part})) medium.descriptor = base::Fd();
    });
  }
  report_.logical_units = state_.units.size();
  report_.sessions = state_.fabric.sessions.size();
  for (const iscsi::SessionState& session : state_.fabric.sessions) report_.connections += session.connections.size();
  std::vector<base::Fd> descriptors;
  const Json json = state_to_json(state_, descriptors);
  if (const auto sent = channel_->send(kState, json, descriptors); !sent) return fail(sent.error());
  state_ = {};
  next(Step::kSent, kTakeLimit, "take over");
}

// The last word. What comes after it is the new daemon's.
void Departure::leave() {
  parts_.handed(report_.pid);
  if (const auto sent = channel_->send(kGo, Json::object()); !sent) {
    parts_.stays();
    return fail(sent.error());
  }
  timer_.disarm();
  hang_up();
  step_ = Step::kGone;
  report_.pause = parts_.control.now() - frozen_at_;
  parts_.gone();
  kLog.info("outboardd {}, process {}, goes on with {} sessions and {} logical units after {} ms", report_.version,
            report_.pid, report_.sessions, report_.logical_units,
            std::chrono::duration_cast<std::chrono::milliseconds>(report_.pause).count());
  std::exchange(done_, nullptr)(report_);
}

void Departure::call_off(const char* why) {
  if (step_ != Step::kIdle && step_ != Step::kGone) fail({base::Errc::kBusy, why});
}

// The new daemon sees the closed channel and ends; initiators see that their windows open again.
void Departure::fail(const base::Error& error) {
  timer_.disarm();
  hang_up();
  step_ = Step::kIdle;
  ++attempt_;
  state_ = {};
  open_there_.clear();
  if (std::exchange(undo_, false)) {
    parts_.fabric.thaw();
    parts_.engine.apply_metrics(parts_.transactor.config().metrics, [](const base::Result<void>& opened) {
      if (!opened) kLog.error("the page for Prometheus: {}", opened.error().text);
    });
  }
  parts_.engine.let_domains_go();
  parts_.transactor.release();
  kLog.warn("no upgrade, everything goes on as before: {}", error.text);
  if (const Done done = std::exchange(done_, nullptr)) done(tl::unexpected<base::Error>(error));
}

void Departure::hang_up() {
  if (!channel_) return;
  parts_.control.unwatch(channel_->fd(), *this);
  channel_.reset();
}

}  // namespace ctl
