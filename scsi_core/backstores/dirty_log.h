// What one channel wrote since the last good flush, in bounded memory: exact while it is little, coarser when it is
// much.
//
// The channel's reactor adds; whoever finds that a flush failed reads, from any thread (a sequence lock: the writer
// never waits). A range may be reported larger than it was, never smaller. add() ends in a sequentially consistent
// store, and reading begins with such a load: of "I added" and "a flush failed", one side sees the other's
// (FlushState::failures).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "scsi_core/types.h"

namespace scsi {

class DirtyLog {
 public:
  // `epoch`: the flush epoch when the write completed; `flushed`: epochs up to this one are on the medium.
  void add(ByteRange range, std::uint64_t epoch, std::uint64_t flushed) {
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    if (count != 0) {  // sequential writers need one entry
      Entry& last = entries_[count - 1];
      if (last.to.load(std::memory_order_relaxed) == range.from &&
          last.epoch.load(std::memory_order_relaxed) == epoch) {
        return last.to.store(range.to);
      }
    }
    if (count == kEntries) return compact(range, epoch, flushed);
    entries_[count].set(range, epoch);
    count_.store(count + 1);
  }
  // Calls fn(ByteRange) for what was written after epoch `flushed`; any thread.
  template <class Fn>
  void for_each_unflushed(std::uint64_t flushed, Fn&& fn) const {
    std::array<ByteRange, kEntries> seen;
    for (;;) {
      const std::uint32_t version = version_.load(std::memory_order_acquire);
      std::size_t found = 0;
      const std::uint32_t count = count_.load();
      for (std::uint32_t i = 0; i < count; ++i) {
        const Entry& entry = entries_[i];
        if (entry.epoch.load(std::memory_order_acquire) <= flushed) continue;
        seen[found++] = {entry.from.load(std::memory_order_acquire), entry.to.load()};
      }
      if (version % 2 != 0 || version_.load(std::memory_order_acquire) != version) continue;  // it was being compacted
      for (std::size_t i = 0; i < found; ++i) fn(seen[i]);
      return;
    }
  }

 private:
  static constexpr std::size_t kEntries = 64;
  struct Entry {
    std::atomic<std::uint64_t> from{0}, to{0}, epoch{0};
    void set(ByteRange range, std::uint64_t at) {
      from.store(range.from, std::memory_order_release);
      to.store(range.to, std::memory_order_release);
      epoch.store(at, std::memory_order_release);
    }
  };
  void compact(ByteRange range, std::uint64_t epoch, std::uint64_t flushed);

  std::atomic<std::uint32_t> version_{0};  // odd while entries are replaced
  std::atomic<std::uint32_t> count_{0};
  std::array<Entry, kEntries> entries_;
};

}  // namespace scsi
