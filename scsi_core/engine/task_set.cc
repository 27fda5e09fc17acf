// Admission to a shard's task set, and the fences in it (SAM-5 8: task attributes).
#include "scsi_core/engine/task_set.h"

#include <algorithm>

#include "base/check.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"

namespace scsi {
namespace {

bool needs_fence(const Command& command) {
  return command.attribute == TaskAttribute::kOrdered || command.core.row->serial >= Serial::kExclusiveRange;
}

bool touches_medium(const Command& command) { return command.core.row->serial != Serial::kNone; }

// `older` must have ended before the fence counts as reached.
bool stands_before(const FenceRequest& fence, const Command& older) {
  return fence.ordered || (fence.exclusive && touches_medium(older) && fence.extent.overlaps(older.core.extent));
}

// `newer` waits for the fence.
bool stands_behind(const FenceRequest& fence, const Command& newer) {
  if (fence.ordered && newer.attribute != TaskAttribute::kHeadOfQueue) return true;
  return fence.exclusive && touches_medium(newer) && fence.extent.overlaps(newer.core.extent);
}

FenceRequest fence_of(const Command& command, FenceId id) {
  FenceRequest fence;
  fence.id = id;
  fence.ordered = command.attribute == TaskAttribute::kOrdered;
  fence.exclusive = command.core.row->serial >= Serial::kExclusiveRange;
  fence.head_of_queue = command.attribute == TaskAttribute::kHeadOfQueue;
  if (touches_medium(command)) fence.extent = command.core.extent;
  return fence;
}

}  // namespace

LuShard::LuShard(LogicalUnit& unit, Router& owner) : lu(unit), router(owner), waits_(owner.reactor()) {
  router.shards().push_back(*this);
}

Statistics LuShard::statistics() {
  Statistics all = ended;
  itls.for_each([&](const ItlNexus& itl) {
    itl.counters.add_to(all);
    all.in_flight += itl.commands;
  });
  return all;
}

LuShard::~LuShard() { base::ListHook<LuShard>::unlink(); }

bool LuShard::admit_special(Command& command) {
  CoreState& core = command.core;
  core.state = CommandState::kWaiting;
  ++waiting_;
  if (command.attribute == TaskAttribute::kHeadOfQueue) {
    ++head_of_queue_;
    ++special_;
  }
  if (needs_fence(command)) {
    admitting_ = &command;
    open_fence(command);
    admitting_ = nullptr;
  }
  if (!may_run(command)) {
    core.audit.add(router.reactor().now(), CommandEvent::kWaits, static_cast<std::uint32_t>(WaitReason::kTaskSet));
    return false;
  }
  --waiting_;
  core.enabled_at = ++clock_;
  core.state = CommandState::kActive;
  return true;
}

void LuShard::forget(ItlNexus& itl) { router.gone_from(itl); }

void LuShard::leave_special(Command& command, bool completed) {
  CoreState& core = command.core;
  if (core.state == CommandState::kWaiting) --waiting_;
  if (command.attribute == TaskAttribute::kHeadOfQueue) {
    --head_of_queue_;
    --special_;
  }
  if (core.fence) close_fence(command);
  for (std::size_t i = 0; i < fences_.size(); ++i) {
    Fence& fence = fences_[i];
    if (fence.before == 0 || !counts(fence, command) || --fence.before != 0) continue;
    lu.at_home().acknowledge(router.index(), fence.what.id);  // may change fences_
  }
  waits_.ended(command, completed);
  wake();
}

base::Result<StoreChannel*> LuShard::channel() {
  if (!channel_) channel_ = TRY(lu.backstore().open_channel(router.reactor()));
  return channel_.get();
}

base::Result<StoreChannel*> LuShard::protection_channel() {
  if (!protection_channel_) protection_channel_ = TRY(lu.backstore().protection()->open_channel(router.reactor()));
  return protection_channel_.get();
}

void LuShard::hold() {
  ++holds_;
  ++special_;
}

void LuShard::release_hold() {
  CHECK(holds_ > 0);
  --holds_;
  --special_;
  wake();
}

bool LuShard::may_run(const Command& command) {
  if (holds_ != 0) return false;
  if (command.core.fence && !command.core.granted) return false;
  if (command.attribute != TaskAttribute::kHeadOfQueue && head_of_queue_ != 0 && behind_head_of_queue(command)) {
    return false;
  }
  if (command.core.fence) return true;
  return std::none_of(fences_.begin(), fences_.end(), [&](const Fence& fence) {
    return fence.position < command.core.position && stands_behind(fence.what, command);
  });
}

bool LuShard::behind_head_of_queue(const Command& command) {
  const Command* const first = commands.find_if(
      [&](const Command& other) { return &other == &command || other.attribute == TaskAttribute::kHeadOfQueue; });
  return first != &command;
}

// Enables what may run now. It runs from the poll loop: this is called from inside the end of another command.
void LuShard::wake() {
  if (waiting_ == 0 || holds_ != 0) return;
  commands.for_each([&](Command& command) {
    if (command.core.state != CommandState::kWaiting || &command == admitting_ || !may_run(command)) return;
    --waiting_;
    command.core.enabled_at = ++clock_;
    command.core.audit.add(router.reactor().now(), CommandEvent::kEnabled);
    continue_later(command, [](Command& enabled) { router_of(enabled).enter(enabled); });
  });
}

void LuShard::open_fence(Command& command) {
  command.core.fence = true;
  const FenceId id{router.index(), command.core.position};
  Fence fence{fence_of(command, id), &command, command.core.position, ++clock_, false};
  count_before(fence);
  fences_.push_back(fence);
  ++special_;
  LuHome& home = lu.at_home();
  home.request(router.index(), fence.what);
  if (fence.before == 0) home.acknowledge(router.index(), id);
}

void LuShard::close_fence(Command& command) {
  const FenceId id{router.index(), command.core.position};
  std::erase_if(fences_, [&](const Fence& fence) { return fence.what.id == id; });
  --special_;
  lu.at_home().release(router.index(), id);
}

// The commands that must end before `fence` is reached here: older ones, and any that run already. Those that own a
// fence themselves are left out: the home knows their order.
bool LuShard::counts(const Fence& fence, const Command& command) const {
  const CoreState& core = command.core;
  if (core.fence || !stands_before(fence.what, command)) return false;
  return core.position < fence.position || (core.enabled_at != 0 && core.enabled_at < fence.installed_at);
}

void LuShard::count_before(Fence& fence) {
  commands.for_each([&](const Command& command) { fence.before += counts(fence, command) ? 1 : 0; });
}

void LuShard::fence_installed(const FenceRequest& what) {
  if (Fence* own = find(what.id)) {
    own->sequenced = true;
    return;
  }
  if (what.id.shard == router.index()) return;  // its command has ended meanwhile
  // The home has put it before those of ours that it has not heard of yet.
  Fence fence{what, nullptr, ++clock_, 0, true};
  fence.installed_at = fence.position;
  for (const Fence& other : fences_) {
    if (!other.sequenced) fence.position = std::min(fence.position, other.position);
  }
  count_before(fence);
  fences_.push_back(fence);
  ++special_;
  if (fence.before == 0) lu.at_home().acknowledge(router.index(), what.id);
}

void LuShard::fence_granted(FenceId id) {
  if (Fence* fence = find(id)) {
    fence->owner->core.granted = true;
    wake();
  }
}

void LuShard::fence_removed(FenceId id) {
  if (std::erase_if(fences_, [&](const Fence& fence) { return fence.what.id == id; }) == 0) return;
  --special_;
  wake();
}

LuShard::Fence* LuShard::find(FenceId id) {
  const auto at = std::find_if(fences_.begin(), fences_.end(), [&](const Fence& fence) { return fence.what.id == id; });
  return at == fences_.end() ? nullptr : &*at;
}

}  // namespace scsi
