// One reactor's share of a logical unit: the commands of its task set that arrived here, and who sent them.
//
// SIMPLE commands run at once unless a fence stands: an ORDERED or exclusive command that is older and not yet over.
// A fence is made known to the shards of all reactors by the logical unit's home (lu_home.h); here it is a position in
// the order of arrival. Commands behind it that it concerns wait; when those before it have ended, the shard
// acknowledges it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "scsi_core/command.h"
#include "scsi_core/core.h"
#include "scsi_core/device_server.h"
#include "scsi_core/engine/abort.h"
#include "scsi_core/engine/fence.h"

namespace scsi {

class LuShard : public base::ListHook<LuShard> {  // in its router's list
 public:
  LuShard(LogicalUnit& unit, Router& owner);
  ~LuShard();

  // --- task set ---
  // True: it is to run now; else it is run when its turn comes.
  bool admit(Command& command) {
    CoreState& core = command.core;
    core.position = ++clock_;
    commands.push_back(command);
    ++core.itl->commands;
    if (special_ != 0 || command.attribute != TaskAttribute::kSimple || core.row->serial >= Serial::kExclusiveRange)
        [[unlikely]]
      return admit_special(command);
    core.enabled_at = clock_;
    return true;
  }
  // The command has ended or is about to; `completed`: with a status of its own, not as aborted.
  void leave(Command& command, bool completed) {
    static_cast<base::ListHook<TaskSetTag>&>(command).unlink();
    ItlNexus& itl = *command.core.itl;
    --itl.commands;
    if (special_ != 0) [[unlikely]]
      leave_special(command, completed);
    if (itl.retired && itl.commands == 0) [[unlikely]]
      forget(itl);
  }
  // A hold (logical unit reset) keeps every newer command waiting until it is released.
  void hold();
  void release_hold();

  // --- fences, told by the home ---
  void fence_installed(const FenceRequest& fence);
  void fence_granted(FenceId id);
  void fence_removed(FenceId id);

  // AbortWaits::sweep over the task set; the logical unit has to be pinned until `quiet`.
  void abort(const AbortOrder& order, AbortWaits::Quiet quiet);

  Statistics statistics();  // of all that came by this reactor

  // The backstore's channel of this reactor, opened at first use.
  base::Result<StoreChannel*> channel();
  StoreChannel* channel_if_open() { return channel_.get(); }
  base::Result<StoreChannel*> protection_channel();  // of Backstore::protection()

  LogicalUnit& lu;
  Router& router;
  base::IntrusiveList<Command, TaskSetTag> commands;  // in order of arrival
  base::IntrusiveList<ItlNexus> itls;
  std::function<std::uint8_t(const NexusKey&)> denials;  // empty: nobody is denied anything
  Statistics ended;                                      // of I_T_L nexuses that are gone

 private:
  struct Fence {
    FenceRequest what;
    Command* owner;              // when it arrived here
    std::uint64_t position;      // commands that arrived later are behind it
    std::uint64_t installed_at;  // commands enabled earlier are before it
    bool sequenced;              // its place among the fences of the logical unit is known
    std::size_t before = 0;      // commands that must end first
  };
  bool admit_special(Command& command);
  void leave_special(Command& command, bool completed);
  void forget(ItlNexus& itl);
  void open_fence(Command& command);
  void close_fence(Command& command);
  bool counts(const Fence& fence, const Command& command) const;
  void count_before(Fence& fence);
  bool may_run(const Command& command);
  bool behind_head_of_queue(const Command& command);
  void wake();
  Fence* find(FenceId id);

  std::vector<Fence> fences_;
  AbortWaits waits_;
  std::uint64_t clock_ = 0;    // counts arrivals and other events that are compared with them
  std::uint32_t special_ = 0;  // reasons to leave the fast path: fences, holds, HEAD OF QUEUE commands, waits
  std::uint32_t holds_ = 0;
  std::uint32_t head_of_queue_ = 0;
  std::uint32_t waiting_ = 0;
  Command* admitting_ = nullptr;
  std::unique_ptr<StoreChannel> channel_, protection_channel_;
};

}  // namespace scsi
