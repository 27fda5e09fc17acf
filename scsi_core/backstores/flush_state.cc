// Sticky flush failures.
#include "scsi_core/backstores/flush_state.h"

#include <algorithm>

#include "base/check.h"

namespace scsi {
namespace {

constexpr std::size_t kMaxSuspects = 4096;  // above, the nearest neighbours are joined

}  // namespace

bool FlushState::enter(Waiter waiter) {
  const std::lock_guard lock(mutex_);
  if (!busy_) return busy_ = true;
  waiting_.push_back(waiter);
  return false;
}

void FlushState::leave() {
  const std::lock_guard lock(mutex_);
  CHECK(busy_);
  if (waiting_.empty()) {
    busy_ = false;
    return;
  }
  const Waiter next = waiting_.front();
  waiting_.erase(waiting_.begin());
  next.reactor->post(*next.message);
}

void FlushState::note_stable_writes() {
  const std::lock_guard lock(mutex_);
  awaited_.clear();
  for (const ChannelWrites* writes : channels_) {
    awaited_.push_back({writes, writes->stable_started.load(std::memory_order_acquire)});
  }
}

bool FlushState::stable_writes_ended() {
  const std::lock_guard lock(mutex_);
  std::erase_if(awaited_, [](const Awaited& one) {
    return one.writes->stable_ended.load(std::memory_order_acquire) >= one.ended;
  });
  return awaited_.empty();
}

void FlushState::succeeded(std::uint64_t epoch) {
  std::uint64_t before = flushed_.load(std::memory_order_relaxed);
  while (before < epoch && !flushed_.compare_exchange_weak(before, epoch, std::memory_order_acq_rel)) {
  }
  const std::lock_guard lock(mutex_);
  if (orphans_epoch_ <= epoch) orphans_.clear();
}

void FlushState::failed() {
  const std::lock_guard lock(mutex_);
  failures_.fetch_add(1);  // before the logs are read: a write that was not in them yet sees it
  for (const ChannelWrites* writes : channels_) {
    writes->dirty.for_each_unflushed(flushed(), [this](ByteRange range) { add_suspect(range); });
  }
  for (const ByteRange range : orphans_) add_suspect(range);
  orphans_.clear();
  any_suspect_.store(!suspects_.empty(), std::memory_order_release);
}

void FlushState::add_suspect(ByteRange range) {
  auto at = std::lower_bound(suspects_.begin(), suspects_.end(), range.from,
                             [](const ByteRange& one, std::uint64_t from) { return one.to < from; });
  auto end = at;
  for (; end != suspects_.end() && end->from <= range.to; ++end) {
    range.from = std::min(range.from, end->from);
    range.to = std::max(range.to, end->to);
  }
  suspects_.insert(suspects_.erase(at, end), range);
  if (suspects_.size() <= kMaxSuspects) return;
  auto nearest = suspects_.begin();
  for (auto it = suspects_.begin(); it + 1 != suspects_.end(); ++it) {
    if ((it + 1)->from - it->to < (nearest + 1)->from - nearest->to) nearest = it;
  }
  nearest->to = (nearest + 1)->to;
  suspects_.erase(nearest + 1);
}

void FlushState::forget(ByteRange range) {
  const std::lock_guard lock(mutex_);
  std::vector<ByteRange> left;
  for (const ByteRange& one : suspects_) {
    if (one.to <= range.from || one.from >= range.to) {
      left.push_back(one);
      continue;
    }
    if (one.from < range.from) left.push_back({one.from, range.from});
    if (one.to > range.to) left.push_back({range.to, one.to});
  }
  suspects_ = std::move(left);
  any_suspect_.store(!suspects_.empty(), std::memory_order_release);
}

std::optional<std::uint64_t> FlushState::first_suspect(ByteRange range) const {
  if (!any_suspect()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (const ByteRange& one : suspects_) {
    if (one.from < range.to && range.from < one.to) return std::max(one.from, range.from);
  }
  return std::nullopt;
}

void FlushState::hand_over(std::vector<ByteRange>& unflushed, std::vector<ByteRange>& suspect) const {
  const std::lock_guard lock(mutex_);
  unflushed = orphans_;
  for (const ChannelWrites* writes : channels_) {
    writes->dirty.for_each_unflushed(flushed(), [&](ByteRange range) { unflushed.push_back(range); });
  }
  suspect = suspects_;
}

void FlushState::take_over(const std::vector<ByteRange>& unflushed, const std::vector<ByteRange>& suspect) {
  const std::lock_guard lock(mutex_);
  orphans_ = unflushed;
  orphans_epoch_ = epoch();
  suspects_.clear();
  for (const ByteRange& range : suspect) add_suspect(range);
  any_suspect_.store(!suspects_.empty(), std::memory_order_release);
}

void FlushState::attach(const ChannelWrites& writes) {
  const std::lock_guard lock(mutex_);
  channels_.push_back(&writes);
}

void FlushState::detach(const ChannelWrites& writes) {
  const std::lock_guard lock(mutex_);
  std::erase(channels_, &writes);
  std::erase_if(awaited_, [&](const Awaited& one) { return one.writes == &writes; });
  writes.dirty.for_each_unflushed(flushed(), [this](ByteRange range) { orphans_.push_back(range); });
  orphans_epoch_ = epoch();
}

}  // namespace scsi
