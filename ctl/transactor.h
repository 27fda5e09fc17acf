// Changes to the configuration, one at a time: edit a copy, check all of it, carry out the difference, store it, or
// leave everything as it was. Lives on the control reactor.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "ctl/config/config.h"
#include "ctl/config/diff.h"
#include "ctl/machine.h"
#include "ctl/plan.h"
#include "ctl/steps.h"
#include "ctl/store.h"
#include "hal/worker.h"

namespace ctl {

class Transactor {
 public:
  using Edit = std::function<base::Result<void>(Config&)>;
  struct Options {
    bool dry_run = false;
    bool allow_shrink = false;
  };
  struct Report {
    std::vector<Change> changes;
    std::vector<std::string> notes;  // what was done although something is amiss
    bool applied = false;
  };
  using Finished = std::function<void(base::Result<Report>)>;

  // Outlives what it calls.
  Transactor(hal::Reactor& control, Machine& machine, Store& store, hal::Worker& worker)
      : control_(control), machine_(machine), store_(store), worker_(worker), sequencer_(control) {}

  // Puts a configuration in force at start: a logical unit whose medium cannot be opened is left out with a note;
  // anything else that fails is an error. `stored`: it came from the store and need not go back.
  void start(Config config, bool stored, Finished finished);
  // In order, after those that wait already. The edit sees the configuration in force when its turn comes.
  void submit(Edit edit, Options options, Finished finished);

  // Nothing is changed until release(): later edits wait. False while something is being changed.
  bool hold();
  void release();

  // Is told of everything that was done.
  void on_report(std::function<void(const Report&)> told) { told_ = std::move(told); }

  const Config& config() const { return config_; }
  bool busy() const { return busy_; }
  std::string current_step() const { return sequencer_.current(); }
  struct Progress {  // of the change that is being carried out
    std::string step;
    Part steps, bytes;
    std::size_t waiting = 0;  // changes behind it
  };
  Progress progress() const;
  // Another number than before whenever something got done.
  std::uint64_t progress_mark() const { return (sequencer_.calls() << 48) ^ sequencer_.bytes().done; }

 private:
  struct Pending {
    Edit edit;
    Options options;
    Finished finished;
  };
  static constexpr std::size_t kMaxWaiting = 64;
  void next();
  base::Result<void> prepare(const Pending& pending, Config& after) const;
  void carry_out(Plan plan, Config after, Report report, bool store, Finished finished);
  void remove_old(std::vector<Step> removals, Report report, Finished finished);
  void finish(const Finished& finished, base::Result<Report> result);
  Step store_step(const Config& before, const Config& after);
  Action save(const Config& config);

  hal::Reactor& control_;
  Machine& machine_;
  Store& store_;
  hal::Worker& worker_;
  Sequencer sequencer_;
  Config config_;
  bool busy_ = false;
  std::size_t steps_before_ = 0, steps_in_all_ = 0;  // of this change; before those that the sequencer has
  std::deque<Pending> waiting_;
  std::function<void(const Report&)> told_;
};

}  // namespace ctl
