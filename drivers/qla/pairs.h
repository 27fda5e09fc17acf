// The queue pairs of an adapter beyond its own, as its reactor sees them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "drivers/qla/queue_pair.h"

namespace qla {

class Pairs {
 public:
  void add(std::unique_ptr<QueuePair> pair) { pairs_.push_back(std::move(pair)); }
  bool empty() const { return pairs_.empty(); }
  std::size_t queues() const { return pairs_.size() + 1; }
  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }
  // Null: the login's exchanges come by the adapter's own queue.
  QueuePair* of(hal::fc::LoginId login) const {
    const std::size_t queue = hal::fc::FcPort::queue_of(login, queues());
    return queue == 0 ? nullptr : pairs_[queue - 1].get();
  }
  void want(PairState state, std::uint32_t epoch) {
    for (const auto& pair : pairs_) pair->want(state, epoch);
  }
  // Null: all are what they are to be; else one that is not.
  const QueuePair* laggard() const {
    const auto late = std::find_if(pairs_.begin(), pairs_.end(), [](const auto& pair) { return !pair->there(); });
    return late == pairs_.end() ? nullptr : late->get();
  }
  bool have_room(std::uint32_t entries) const {
    return std::all_of(pairs_.begin(), pairs_.end(), [&](const auto& pair) { return pair->has_room(entries); });
  }
  bool flush() {
    bool any = false;
    for (const auto& pair : pairs_) any |= pair->flush();
    return any;
  }
  bool all_sent() const {
    return std::all_of(pairs_.begin(), pairs_.end(), [](const auto& pair) { return pair->all_sent(); });
  }
  std::uint64_t counted(Count count) const {
    std::uint64_t sum = 0;
    for (const auto& pair : pairs_) sum += pair->counted(count);
    return sum;
  }

 private:
  std::vector<std::unique_ptr<QueuePair>> pairs_;
};

}  // namespace qla
