// The live tasks of one session, by Initiator Task Tag and by the small index that the datamover wants.
#pragma once

#include <cstdint>
#include <vector>

#include "base/check.h"
#include "fabrics/iscsi/task.h"

namespace iscsi {

// Chains through the tasks themselves, on average at most one task each. Grows to the largest number ever alive.
class TaskTable {
 public:
  Task* find(std::uint32_t tag) const {
    if (buckets_.empty()) return nullptr;
    Task* task = buckets_.data()[home(tag)];
    while (task != nullptr && task->initiator_task_tag != tag) task = task->next_in_bucket;
    return task;
  }
  // Sets task.index; the tag must not be in the table.
  void insert(Task& task) {
    if (count_ == buckets_.size()) grow();
    link(task);
    task.index = free_indexes_.data()[count_++];
  }
  void erase(Task& task) {
    Task** at = buckets_.data() + home(task.initiator_task_tag);
    while (*at != &task) {
      CHECK(*at != nullptr);
      at = &(*at)->next_in_bucket;
    }
    *at = task.next_in_bucket;
    free_indexes_.data()[--count_] = task.index;
  }
  std::size_t size() const { return count_; }
  // Calls fn(Task&) for all; fn may erase any.
  template <class Fn>
  void for_each(Fn&& fn) const {
    std::vector<Task*> all;
    for (Task* task : buckets_) {
      for (; task != nullptr; task = task->next_in_bucket) all.push_back(task);
    }
    for (Task* const task : all) {
      if (task->place != TaskPlace::kFree) fn(*task);
    }
  }

 private:
  std::size_t home(std::uint32_t tag) const { return (tag * 0x9e3779b1u >> 7) & (buckets_.size() - 1); }
  void link(Task& task) {
    Task*& first = buckets_.data()[home(task.initiator_task_tag)];
    task.next_in_bucket = first;
    first = &task;
  }
  void grow();

  std::vector<Task*> buckets_;               // a power of two
  std::vector<std::uint16_t> free_indexes_;  // from count_ on: those not in use
  std::size_t count_ = 0;
};

}  // namespace iscsi
