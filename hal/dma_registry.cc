// DMA registry: the list of all regions, and of the devices that map them.
#include "hal/dma_registry.h"

#include <algorithm>

#include "base/check.h"

namespace hal {

DmaRegistry& DmaRegistry::instance() {
  static DmaRegistry* const registry = new DmaRegistry;  // never destroyed: regions of static life outlive all else
  return *registry;
}

base::Result<void> DmaRegistry::subscribe(DmaListener& listener) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (auto added = listener.memory_added(memory_[i]); !added.has_value()) {
      while (i-- > 0) listener.memory_removed(memory_[i]);
      return tl::unexpected<base::Error>(std::move(added).error());
    }
  }
  listeners_.push_back(listener);
  if (listener.pins_pages()) pinning_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void DmaRegistry::unsubscribe(DmaListener& listener) {
  const std::lock_guard lock(mutex_);
  listener.unlink();
  if (listener.pins_pages()) pinning_.fetch_sub(1, std::memory_order_relaxed);
  for (const RegisteredMemory& memory : memory_) listener.memory_removed(memory);
}

base::Result<void> DmaRegistry::add(const RegisteredMemory& memory) {
  const std::lock_guard lock(mutex_);
  base::Result<void> result;
  DmaListener* const refused = listeners_.find_if([&](DmaListener& listener) {
    result = listener.memory_added(memory);
    return !result.has_value();
  });
  if (refused == nullptr) {
    memory_.push_back(memory);
    return {};
  }
  listeners_.find_if([&](DmaListener& listener) {
    if (&listener == refused) return true;
    listener.memory_removed(memory);
    return false;
  });
  return result;
}

void DmaRegistry::remove(const RegisteredMemory& memory) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(memory_.begin(), memory_.end(), [&](const RegisteredMemory& other) {
    return other.bytes.data() == memory.bytes.data();
  });
  CHECK(at != memory_.end());
  listeners_.for_each([&](DmaListener& listener) { listener.memory_removed(*at); });
  *at = memory_.back();
  memory_.pop_back();
}

}  // namespace hal
