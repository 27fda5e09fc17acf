// A logical unit's home: the order of its fences, and what keeps it alive. Home reactor only, but for the pins.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "scsi_core/engine/fence.h"
#include "scsi_core/engine/fleet.h"

namespace scsi {

class LuHome {
 public:
  LuHome(LogicalUnit& lu, Fleet& fleet, std::size_t home_index) : lu_(lu), fleet_(fleet), home_index_(home_index) {}
  std::size_t index() const { return home_index_; }

  // --- from a shard, on the shard's reactor ---
  void request(std::size_t shard, const FenceRequest& fence);
  void acknowledge(std::size_t shard, FenceId id);
  void release(std::size_t shard, FenceId id);

  // Messages about the logical unit and its I_T_L nexuses hold a pin; it is not destroyed before the last is gone.
  void pin() { pins_.fetch_add(1, std::memory_order_relaxed); }
  void unpin() {
    // The watcher is set before `removing_`, and looks at the pins itself once more after that.
    if (pins_.fetch_sub(1, std::memory_order_acq_rel) == 1 && removing_.load(std::memory_order_acquire))
      last_unpinned();
  }
  bool pinned() const { return pins_.load(std::memory_order_acquire) != 0; }
  // `idle` is called on `reactor` whenever the last pin goes, and once at first; pins may have come again by then.
  void watch_pins(hal::Reactor& reactor, std::function<void()> idle);
  // The control reactor's: views may name it; its end has begun.
  bool ready = false;
  bool destroying = false;
  // Runs `work` on a reactor: at once when it is the calling one, else by a message that pins the logical unit.
  void run_on(std::size_t from, std::size_t to, std::function<void()> work);

 private:
  void last_unpinned();
  struct Fence {
    FenceRequest what;
    std::size_t acks_missing;
    bool granted = false;
  };
  void sequence(const FenceRequest& fence);
  void acknowledged(FenceId id);
  void released(FenceId id);
  void grant();
  bool blocked(std::size_t place) const;

  LogicalUnit& lu_;
  Fleet& fleet_;
  const std::size_t home_index_;
  std::vector<Fence> fences_;  // in the order in which they take effect
  std::atomic<std::size_t> pins_{0};
  std::atomic<bool> removing_{false};
  hal::Reactor* watcher_ = nullptr;
  std::function<void()> idle_;
};

}  // namespace scsi
