// Commands that wait for buffers of one DMA pool, oldest first; a large request is not overtaken by later ones.
#pragma once

#include "base/intrusive_list.h"
#include "hal/dma.h"
#include "hal/reactor.h"
#include "scsi_core/command.h"

namespace scsi {

class MemoryQueue final : public hal::DmaPool::Waiter {
 public:
  MemoryQueue(hal::DmaPool& pool, hal::Reactor& reactor);
  ~MemoryQueue() override;
  // Fills core.segments with `length` bytes in at most `pieces`; false if it has to wait: then the command is queued,
  // and its core.next called later.
  bool take(Command& command, std::uint64_t length, std::uint8_t pieces);
  void cancel(Command& command);
  hal::DmaPool& pool() { return pool_; }

 private:
  struct Retry : hal::Deferred {
    explicit Retry(MemoryQueue& owner) : hal::Deferred(&Retry::run), queue(owner) {}
    static void run(hal::Deferred& deferred);
    MemoryQueue& queue;
  };
  void dma_available() override;  // inside somebody's give(): the rest is for the poll loop
  void retry();

  hal::DmaPool& pool_;
  hal::Reactor& reactor_;
  Retry retry_;
  base::IntrusiveList<Command, MemoryWaitTag> waiting_;
};

}  // namespace scsi
