// A sequence of steps, all or nothing: each has a limit and can be undone; when one fails, those done are undone in
// reverse order. Runs on one reactor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hal/reactor.h"

namespace ctl {

using Done = std::function<void(base::Result<void>)>;
using Action = std::function<void(Done)>;

struct Part {  // how far something is; of 0: it does not tell
  std::uint64_t done = 0, of = 0;
};

struct Step {
  std::string name;        // "add lu disk0"; begins the error when the step fails
  base::Duration limit{};  // begins anew as long as `bytes` grow
  Action run;
  Action undo;            // empty: nothing to undo
  bool optional = false;  // a failure is only noted
  std::function<Part()> bytes = {};
};

// Runs one list of steps at a time. Outlives whatever it calls: an answer that comes after its limit is recognised by
// its number and dropped.
class Sequencer {
 public:
  struct Outcome {
    base::Result<void> result;       // the error names the step, and what could not be undone
    std::vector<std::string> notes;  // failures of optional steps
  };
  using Finished = std::function<void(Outcome)>;

  explicit Sequencer(hal::Reactor& reactor) : reactor_(reactor) {}
  void run(std::vector<Step> steps, Finished finished);  // not while busy()
  bool busy() const { return finished_ != nullptr; }
  std::string current() const;  // the step that is running, for status
  Part steps() const { return {at_, steps_.size()}; }
  Part bytes() const;                            // of the step that is running
  std::uint64_t calls() const { return call_; }  // grows with each step

 private:
  void next();
  void call(const Action& action);
  void answered(std::uint64_t number, base::Result<void> result);
  void stepped(base::Result<void> result);
  void undone(base::Result<void> result);
  void finish();
  static void late(void* context);

  hal::Reactor& reactor_;
  std::vector<Step> steps_;
  Finished finished_;
  Outcome outcome_;
  std::size_t at_ = 0;  // the step that runs or is being undone
  bool undoing_ = false;
  std::uint64_t call_ = 0;  // number of the call whose answer is awaited
  std::uint64_t seen_ = 0;  // bytes when its limit began
  hal::Timer timer_{&Sequencer::late, this};
};

}  // namespace ctl
