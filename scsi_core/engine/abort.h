// Aborting commands: which ones, how they end, and who waits until they have.
#pragma once

#include <functional>
#include <optional>
#include <unordered_set>

#include "base/intrusive_list.h"
#include "scsi_core/command.h"
#include "scsi_core/lu_control.h"

namespace scsi {

struct AbortOrder {
  // Which: all that fit every condition given.
  const Command* only = nullptr;
  const Nexus* nexus = nullptr;
  NexusFilter filter;
  const Command* except = nullptr;
  bool wait_for_home = true;  // also wait for those that are at home; they cannot touch the medium there

  // How: those of the nexus `by` are dropped; others end with `report`, else with TASK ABORTED when TAS says so (and
  // `tell`), else are dropped.
  std::optional<NexusKey> by;
  bool tell = true;
  std::optional<Outcome> report;

  // For the other nexuses, or all: a unit attention condition where a command was lost without a word, or anyway.
  std::optional<SenseCode> attention_for_losers;
  std::optional<SenseCode> attention_for_all;
  bool hold = false;        // newer commands wait until release_hold()
  std::uint8_t reason = 0;  // for the audit ring: TaskFunction
};

bool selects(const AbortOrder& order, const Command& command);

// Who waits, on one reactor, until certain commands have ended.
class AbortWaits {
 public:
  using Quiet = std::function<void(bool all_aborted)>;
  explicit AbortWaits(hal::Reactor& reactor) : reactor_(reactor) {}
  ~AbortWaits();
  bool empty() const { return waits_.empty(); }
  // Aborts what `order` selects of `commands`. `quiet` is called once none of it is left, by message: by then the last
  // command is with its port. Its argument: all of it ended as aborted, none with a status of its own.
  void sweep(base::IntrusiveList<Command, TaskSetTag>& commands, const AbortOrder& order, Quiet quiet);
  void ended(const Command& command, bool completed);

 private:
  struct Wait : base::ListHook<Wait> {
    std::unordered_set<const Command*> left;
    bool all_aborted = true;
    bool sweeping = true;
    Quiet quiet;
  };
  void end_if_over(Wait& wait);

  hal::Reactor& reactor_;
  base::IntrusiveList<Wait> waits_;
};

// Marks the command as aborted; ends it when the core holds it, otherwise hastens the answer it waits for.
void abort_command(Command& command, std::optional<Outcome> report, std::uint8_t reason);
// Carries the order to the shards of all reactors; `done` on `origin`, the calling reactor, when all are quiet.
void abort_everywhere(LogicalUnit& lu, hal::Reactor& origin, const AbortOrder& order, std::function<void()> done);

}  // namespace scsi
