// What happened lately at the whole target, in one order, numbered from 1. Bounded: who reads more slowly than it turns
// over loses the oldest, and can tell how many. Lives on the control reactor.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/clock.h"

namespace ctl {

struct Event {
  std::uint64_t number = 0;  // given by the log
  base::Time at{};
  std::string source;  // "iscsi/0" (a reactor), "fc0" (a port), "lu", "configuration"
  std::string event, subject, detail;
};

struct EventBatch {
  std::vector<Event> events;
  std::uint64_t lost = 0;  // asked for and no longer kept; they came before `events`
  std::uint64_t last = 0;  // number of the newest event there is, in `events` or not
};

class EventLog {
 public:
  static constexpr std::size_t kKept = 4096;
  static constexpr std::size_t kMostAtOnce = 1024;
  void add(Event event);
  // Those with a number above `after`, the oldest first, at most kMostAtOnce.
  EventBatch read(std::uint64_t after) const;
  std::uint64_t last() const { return last_; }

 private:
  std::deque<Event> events_;
  std::uint64_t last_ = 0;
};

}  // namespace ctl
