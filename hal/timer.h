// Timers of one reactor: intrusive, re-armed without allocation, fired from the reactor's poll loop only.
#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.h"

namespace hal {

class TimerQueue;

// Owned by whoever waits; disarms itself when it dies. The callback may re-arm it.
class Timer {
 public:
  using Callback = void (*)(void* context);
  Timer(Callback callback, void* context) : callback_(callback), context_(context) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }
  void arm(TimerQueue& queue, base::Time deadline);
  void disarm();
  bool armed() const { return queue_ != nullptr; }
  base::Time deadline() const { return deadline_; }

 private:
  friend class TimerQueue;
  Callback callback_;
  void* context_;
  TimerQueue* queue_ = nullptr;
  base::Time deadline_{};
  std::size_t index_ = 0;
};

// A binary heap by deadline. Arming may grow the vector: not on the path of a read or write.
class TimerQueue {
 public:
  ~TimerQueue();
  // Fires what is due; returns how many fired. At most `budget` a call.
  std::size_t fire(base::Time now, std::size_t budget = 64);
  bool empty() const { return heap_.empty(); }
  base::Time next() const { return heap_.front()->deadline_; }

 private:
  friend class Timer;
  void insert(Timer& timer);
  void remove(Timer& timer);
  void place(std::size_t index, Timer* timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  std::vector<Timer*> heap_;
};

}  // namespace hal
