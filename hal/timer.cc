// The timer heap.
#include "hal/timer.h"

#include "base/check.h"

namespace hal {

void Timer::arm(TimerQueue& queue, base::Time deadline) {
  disarm();
  deadline_ = deadline;
  queue.insert(*this);
}

void Timer::disarm() {
  if (queue_ != nullptr) queue_->remove(*this);
}

TimerQueue::~TimerQueue() {
  while (!heap_.empty()) remove(*heap_.back());
}

std::size_t TimerQueue::fire(base::Time now, std::size_t budget) {
  std::size_t fired = 0;
  while (fired < budget && !heap_.empty() && heap_.front()->deadline_ <= now) {
    Timer& timer = *heap_.front();
    remove(timer);
    ++fired;
    timer.callback_(timer.context_);
  }
  return fired;
}

void TimerQueue::insert(Timer& timer) {
  timer.queue_ = this;
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

void TimerQueue::remove(Timer& timer) {
  CHECK(timer.queue_ == this && heap_[timer.index_] == &timer);
  const std::size_t index = timer.index_;
  timer.queue_ = nullptr;
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void TimerQueue::place(std::size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->deadline_ <= heap_[index]->deadline_) return;
    Timer* const upper = heap_[parent];
    place(parent, heap_[index]);
    place(index, upper);
    index = parent;
  }
}

void TimerQueue::sift_down(std::size_t index) {
  for (;;) {
    std::size_t child = index * 2 + 1;
    if (child >= heap_.size()) return;
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (heap_[index]->deadline_ <= heap_[child]->deadline_) return;
    Timer* const lower = heap_[child];
    place(child, heap_[index]);
    place(index, lower);
    index = child;
  }
}

}  // namespace hal
