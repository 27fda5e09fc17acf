// The order of fences on a logical unit's home reactor.
//
// A fence is sequenced when its request arrives, installed in all shards, granted when every shard has acknowledged it
// and no earlier fence is in its way, and removed when its command ends. Messages between two reactors keep their
// order, so every shard learns of the fences in the sequence of the home; nothing ever waits for a later one.
#include "scsi_core/engine/lu_home.h"

#include <algorithm>

#include "scsi_core/engine/task_set.h"
#include "scsi_core/logical_unit.h"

namespace scsi {
namespace {

bool waits_for(const FenceRequest& newer, const FenceRequest& older) {
  if (newer.ordered) return true;
  if (older.ordered && !newer.head_of_queue) return true;
  return (newer.exclusive || older.exclusive) && newer.extent.overlaps(older.extent);
}

}  // namespace

void LuHome::watch_pins(hal::Reactor& reactor, std::function<void()> idle) {
  watcher_ = &reactor;
  idle_ = std::move(idle);
  removing_.store(true, std::memory_order_release);
  last_unpinned();
}

void LuHome::last_unpinned() { watcher_->post_function(idle_); }

void LuHome::run_on(std::size_t from, std::size_t to, std::function<void()> work) {
  if (from == to) return work();
  pin();
  fleet_.reactor(to).post_function([this, work = std::move(work)] {
    work();
    unpin();
  });
}

void LuHome::request(std::size_t shard, const FenceRequest& fence) {
  run_on(shard, home_index_, [this, fence] { sequence(fence); });
}

void LuHome::acknowledge(std::size_t shard, FenceId id) {
  run_on(shard, home_index_, [this, id] { acknowledged(id); });
}

void LuHome::release(std::size_t shard, FenceId id) {
  run_on(shard, home_index_, [this, id] { released(id); });
}

void LuHome::sequence(const FenceRequest& fence) {
  fences_.push_back({fence, fleet_.size()});
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    run_on(home_index_, i, [this, i, fence] { lu_.shard(i).fence_installed(fence); });
  }
}

void LuHome::acknowledged(FenceId id) {
  const auto at = std::find_if(fences_.begin(), fences_.end(), [&](const Fence& fence) { return fence.what.id == id; });
  if (at == fences_.end()) return;  // released before it was granted
  --at->acks_missing;
  grant();
}

void LuHome::released(FenceId id) {
  std::erase_if(fences_, [&](const Fence& fence) { return fence.what.id == id; });
  for (std::size_t i = 0; i < fleet_.size(); ++i) {
    if (i == id.shard) continue;  // it has removed its own
    run_on(home_index_, i, [this, i, id] { lu_.shard(i).fence_removed(id); });
  }
  grant();
}

bool LuHome::blocked(std::size_t place) const {
  const Fence& fence = fences_[place];
  return std::any_of(fences_.begin(), fences_.begin() + static_cast<std::ptrdiff_t>(place),
                     [&](const Fence& older) { return waits_for(fence.what, older.what); });
}

void LuHome::grant() {
  for (std::size_t i = 0; i < fences_.size(); ++i) {
    Fence& fence = fences_[i];
    if (fence.granted || fence.acks_missing != 0 || blocked(i)) continue;
    fence.granted = true;
    const FenceId id = fence.what.id;
    run_on(home_index_, id.shard, [this, id] { lu_.shard(id.shard).fence_granted(id); });
  }
}

}  // namespace scsi
