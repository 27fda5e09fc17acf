// All memory that devices may reach in this process: MemoryRegions announce themselves here, devices listen.
//
// Any thread; a lock, as regions come and go rarely (pools grow by slabs, RAM disks by configuration).
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "base/result.h"

namespace hal {

struct RegisteredMemory {
  std::span<std::byte> bytes;  // where it is in this process, and so its Iova
  int fd = -1;                 // the memfd behind it, from its offset 0
};

class DmaListener : public base::ListHook<DmaListener> {
 public:
  virtual ~DmaListener() = default;
  // Called with the registry locked: no region may be made or destroyed from inside.
  virtual base::Result<void> memory_added(const RegisteredMemory& memory) = 0;
  virtual void memory_removed(const RegisteredMemory& memory) = 0;  // returns when the device cannot reach it any more
  // The device keeps the physical pages: they may not be given back to the system while it listens.
  virtual bool pins_pages() const { return false; }
};

class DmaRegistry {
 public:
  static DmaRegistry& instance();
  // Tells the listener of all memory that there is, then of what comes. Fails, and does not listen, when one is
  // refused.
  base::Result<void> subscribe(DmaListener& listener);
  void unsubscribe(DmaListener& listener);
  // For MemoryRegion. A listener's refusal takes the memory back from the others and fails.
  base::Result<void> add(const RegisteredMemory& memory);
  void remove(const RegisteredMemory& memory);
  // By any listener. A listener that comes later pins what there is then.
  bool pages_pinned() const { return pinning_.load(std::memory_order_relaxed) != 0; }

 private:
  std::mutex mutex_;
  std::vector<RegisteredMemory> memory_;
  base::IntrusiveList<DmaListener> listeners_;
  std::atomic<int> pinning_{0};
};

}  // namespace hal
