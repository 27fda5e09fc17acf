// A question to several reactors: each has a part of the answer, and `done` runs on the control reactor once all parts
// are there, or when the limit is over.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hal/reactor.h"

namespace fcp {

template <class Part>
class Round {  // deletes itself with its last part
 public:
  using PartDone = std::function<void()>;
  using Ask = std::function<void(Part& part, PartDone part_done)>;
  using Done = std::function<void(base::Result<void>, std::vector<Part>&)>;
  struct Call {
    hal::Reactor* reactor;
    Ask ask;  // runs there; calls part_done there, once
  };
  static void start(hal::Reactor& control, base::Duration limit, const char* what, std::vector<Call> calls, Done done) {
    auto* const round = new Round(control, calls.size(), what, std::move(done));
    round->timer_.arm(control.timers(), control.now() + limit);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      calls[i].reactor->post_function([round, i, ask = std::move(calls[i].ask)] {
        ask(round->parts_[i], [round] { round->control_.post_function([round] { round->part_done(); }); });
      });
    }
    control.post_function([round] { round->part_done(); });  // so that a round without calls ends, too
  }

 private:
  Round(hal::Reactor& control, std::size_t calls, const char* what, Done done)
      : control_(control), parts_(calls), left_(calls + 1), what_(what), done_(std::move(done)) {}
  void finish(base::Result<void> result) {
    timer_.disarm();
    if (const Done run = std::exchange(done_, nullptr)) run(std::move(result), parts_);
  }
  void part_done() {
    if (--left_ != 0) return;
    finish({});
    delete this;
  }
  static void timed_out(void* context) {
    auto& round = *static_cast<Round*>(context);
    round.finish(base::fail(base::Errc::kTimeout,
                            std::to_string(round.left_) + " parts did not finish in time: " + round.what_));
  }

  hal::Reactor& control_;
  std::vector<Part> parts_;
  std::size_t left_;
  const char* what_;
  Done done_;
  hal::Timer timer_{&Round::timed_out, this};
};

}  // namespace fcp
