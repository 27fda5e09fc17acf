// Keeping events and handing them out.
#include "ctl/event_log.h"

#include <algorithm>

namespace ctl {

void EventLog::add(Event event) {
  event.number = ++last_;
  if (events_.size() == kKept) events_.pop_front();
  events_.push_back(std::move(event));
}

EventBatch EventLog::read(std::uint64_t after) const {
  EventBatch batch;
  batch.last = last_;
  if (after >= last_) return batch;
  const std::uint64_t gone = last_ - events_.size();  // number of the newest that is no longer kept
  if (after < gone) batch.lost = gone - after;
  const std::size_t first = static_cast<std::size_t>(std::max(after, gone) - gone);
  const std::size_t count = std::min(events_.size() - first, kMostAtOnce);
  const auto begin = events_.begin() + static_cast<std::ptrdiff_t>(first);
  batch.events.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  return batch;
}

}  // namespace ctl
