// Running steps forwards, and backwards after a failure.
#include "ctl/steps.h"

#include <fmt/format.h>

#include "base/check.h"
#include "ctl/log.h"
#include "ctl/units.h"

namespace ctl {

void Sequencer::run(std::vector<Step> steps, Finished finished) {
  CHECK(!busy());
  steps_ = std::move(steps);
  finished_ = std::move(finished);
  outcome_ = {};
  at_ = 0;
  undoing_ = false;
  next();
}

std::string Sequencer::current() const {
  if (!busy() || at_ >= steps_.size()) return {};
  return (undoing_ ? "undo: " : "") + steps_[at_].name;
}

Part Sequencer::bytes() const {
  const bool told = busy() && !undoing_ && at_ < steps_.size() && steps_[at_].bytes;
  return told ? steps_[at_].bytes() : Part();
}

void Sequencer::next() {
  if (undoing_) {
    while (at_ > 0 && !steps_[at_ - 1].undo) --at_;
    if (at_ == 0) return finish();
    call(steps_[--at_].undo);
  } else {
    if (at_ == steps_.size()) return finish();
    call(steps_[at_].run);
  }
}

void Sequencer::call(const Action& action) {
  const std::uint64_t number = ++call_;
  seen_ = 0;
  timer_.arm(reactor_.timers(), reactor_.now() + steps_[at_].limit);
  action([this, number](base::Result<void> result) { answered(number, std::move(result)); });
}

void Sequencer::late(void* context) {
  auto& self = *static_cast<Sequencer*>(context);
  if (const std::uint64_t done = self.bytes().done; done != self.seen_) {
    self.seen_ = done;
    return self.timer_.arm(self.reactor_.timers(), self.reactor_.now() + self.steps_[self.at_].limit);
  }
  self.answered(self.call_,
                base::fail(base::Errc::kTimeout, "no answer within " + format_duration(self.steps_[self.at_].limit)));
}

void Sequencer::answered(std::uint64_t number, base::Result<void> result) {
  if (number != call_ || !busy()) {
    kLog.warn("an answer came after its limit: {}", result ? "done" : result.error().text);
    return;
  }
  ++call_;
  timer_.disarm();
  if (undoing_) {
    undone(std::move(result));
  } else {
    stepped(std::move(result));
  }
}

void Sequencer::stepped(base::Result<void> result) {
  const Step& step = steps_[at_];
  if (!result) {
    const std::string text = fmt::format("{}: {}", step.name, result.error().text);
    if (step.optional) {
      outcome_.notes.push_back(text);
    } else {
      outcome_.result = base::fail(result.error().code, text);
      undoing_ = true;
      // A step that ran out of time may still take effect: it is undone too.
      if (result.error().code == base::Errc::kTimeout) ++at_;
      return next();
    }
  }
  ++at_;
  next();
}

void Sequencer::undone(base::Result<void> result) {
  if (!result && result.error().code != base::Errc::kNotFound) {
    const std::string text = fmt::format("could not undo \"{}\": {}", steps_[at_].name, result.error().text);
    kLog.error("{}", text);
    outcome_.result.error().text += "\n" + text;
  }
  next();
}

void Sequencer::finish() {
  at_ = steps_.size();
  reactor_.post_function([this] {  // not from inside an action: it is destroyed here
    steps_.clear();
    std::exchange(finished_, nullptr)(std::move(outcome_));
  });
}

}  // namespace ctl
