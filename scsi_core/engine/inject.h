// Faults that the operator asked for: what `tgtctl debug inject` does to the commands of one reactor.
#pragma once

#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "hal/timer.h"
#include "scsi_core/command.h"
#include "scsi_core/core.h"

namespace scsi {

// One rule in force; shared by the reactors, owned by the core.
struct ActiveRule {
  InjectRule rule;
  const LogicalUnit* lu = nullptr;
  std::atomic<std::uint32_t> left{0};  // uses, when rule.count is not 0
  bool use();                          // false: used up
};

class Injector {
 public:
  explicit Injector(hal::Reactor& reactor) : reactor_(reactor) {}
  // True when a rule has taken the command: it is ended, or its handler will be called later.
  bool apply(Command& command);
  void cancel(Command& command);  // a delayed command is about to end
  void set_rules(std::vector<ActiveRule*> rules) { rules_ = std::move(rules); }

 private:
  struct Delay {
    Delay(Injector& owner, Command& delayed) : injector(owner), command(delayed), timer(&Delay::over, this) {}
    static void over(void* context);
    Injector& injector;
    Command& command;
    hal::Timer timer;
  };
  void delay(Command& command, base::Duration by);

  hal::Reactor& reactor_;
  std::vector<ActiveRule*> rules_;
  std::unordered_map<const Command*, std::unique_ptr<Delay>> delayed_;
};

}  // namespace scsi
