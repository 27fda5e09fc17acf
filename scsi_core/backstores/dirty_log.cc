// Makes room in a full log: drops what was flushed, then joins neighbours, the nearer first.
#include "scsi_core/backstores/dirty_log.h"

#include <algorithm>

namespace scsi {
namespace {

struct Kept {
  ByteRange range;
  std::uint64_t epoch;
};

// Joins ranges that overlap, touch, or lie in the same aligned area of `grain` bytes.
template <class Array>
std::size_t join(Array& kept, std::size_t count, std::uint64_t grain) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (out != 0 && kept[i].range.from / grain <= kept[out - 1].range.to / grain) {
      kept[out - 1].range.to = std::max(kept[out - 1].range.to, kept[i].range.to);
      kept[out - 1].epoch = std::max(kept[out - 1].epoch, kept[i].epoch);
    } else {
      kept[out++] = kept[i];
    }
  }
  return out;
}

}  // namespace

void DirtyLog::compact(ByteRange range, std::uint64_t epoch, std::uint64_t flushed) {
  std::array<Kept, kEntries + 1> kept;
  std::size_t count = 0;
  for (const Entry& entry : entries_) {
    const Kept one{{entry.from.load(std::memory_order_relaxed), entry.to.load(std::memory_order_relaxed)},
                   entry.epoch.load(std::memory_order_relaxed)};
    if (one.epoch > flushed) kept[count++] = one;
  }
  kept[count++] = {range, epoch};
  std::sort(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(count),
            [](const Kept& a, const Kept& b) { return a.range.from < b.range.from; });
  // Half of the log is freed, so that this is not done for every write.
  for (std::uint64_t grain = 1; (count = join(kept, count, grain)) > kEntries / 2;) grain *= 8;

  version_.fetch_add(1, std::memory_order_acq_rel);
  for (std::size_t i = 0; i < count; ++i) entries_[i].set(kept[i].range, kept[i].epoch);
  count_.store(static_cast<std::uint32_t>(count));
  version_.fetch_add(1);
}

}  // namespace scsi
