// What is known about the stability of a file's data: flushes one after another, and the sticky answer to a failed one.
//
// fdatasync(2) reports a failure once and then forgets it, with the data. So whatever was written since the last good
// flush when one fails is suspect until it is written anew; a flush of a range that holds suspect data fails, whatever
// the kernel says. Of two flushes at once only one would be told of a failure: those of all reactors go one at a time,
// and one that succeeds waits for the writes with RWF_DSYNC that were out with it, which may have been told instead.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "hal/mailbox.h"
#include "hal/reactor.h"
#include "scsi_core/backstores/dirty_log.h"

namespace scsi {

// What the store must know of the writes of one channel; written by that channel only.
struct ChannelWrites {
  DirtyLog dirty;
  // Writes with RWF_DSYNC, numbered from 1. All up to `stable_ended` have ended, and failed() has been called for those
  // that were told of a failure.
  std::atomic<std::uint64_t> stable_started{0};
  std::atomic<std::uint64_t> stable_ended{0};
};

class FlushState {
 public:
  // --- path of a write; any reactor, no lock unless a flush failed ---
  std::uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }
  std::uint64_t flushed() const { return flushed_.load(std::memory_order_acquire); }
  // Changes when a flush fails. A write that sees it change while it is in flight must be done again: its data may be
  // among what was lost.
  std::uint32_t failures() const { return failures_.load(); }
  bool any_suspect() const { return any_suspect_.load(std::memory_order_acquire); }
  void rewritten(ByteRange range) {
    if (any_suspect()) forget(range);
  }

  // --- flushes ---
  struct Waiter {
    hal::Message* message;
    hal::Reactor* reactor;
  };
  // True: the flush may be submitted now. False: `waiter` gets its message when it is its turn.
  bool enter(Waiter waiter);
  std::uint64_t start() { return epoch_.fetch_add(1, std::memory_order_acq_rel); }  // the epoch that it will cover
  // After fdatasync said yes: notes which stable writes are out; the flush has succeeded once they have ended.
  void note_stable_writes();
  bool stable_writes_ended();
  void succeeded(std::uint64_t epoch);
  void failed();  // also when something else than a flush was told that data had been lost
  void leave();
  // First suspect byte in the range.
  std::optional<std::uint64_t> first_suspect(ByteRange range) const;
  void cut(std::uint64_t size) { rewritten({size, ~std::uint64_t{0}}); }  // what lies behind is of no interest any more

  // --- another process goes on (medium_state.h); no write and no flush is out ---
  void hand_over(std::vector<ByteRange>& unflushed, std::vector<ByteRange>& suspect) const;
  void take_over(const std::vector<ByteRange>& unflushed, const std::vector<ByteRange>& suspect);

  // --- channels ---
  void attach(const ChannelWrites& writes);
  void detach(const ChannelWrites& writes);  // what it wrote is kept in mind

 private:
  void add_suspect(ByteRange range);
  void forget(ByteRange range);

  std::atomic<std::uint64_t> epoch_{1};
  std::atomic<std::uint64_t> flushed_{0};
  std::atomic<std::uint32_t> failures_{0};
  std::atomic<bool> any_suspect_{false};
  mutable std::mutex mutex_;  // what follows
  bool busy_ = false;
  std::vector<Waiter> waiting_;
  std::vector<const ChannelWrites*> channels_;
  struct Awaited {
    const ChannelWrites* writes;
    std::uint64_t ended;
  };
  std::vector<Awaited> awaited_;     // by the flush that is out
  std::vector<ByteRange> orphans_;   // unflushed writes of channels that are gone
  std::uint64_t orphans_epoch_ = 0;  // of the latest of them
  std::vector<ByteRange> suspects_;  // sorted, disjoint
};

}  // namespace scsi
