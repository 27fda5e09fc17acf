// The live tasks of one connection, by Initiator Task Tag and by the small index that the datamover wants.
#pragma once

#include <cstdint>
#include <vector>

#include "fabrics/iscsi/task.h"

namespace iscsi {

// Open addressing, at most half full, removal by shifting back. Grows to the largest number ever alive.
class TaskTable {
 public:
  Task* find(std::uint32_t tag) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = home(tag);; i = (i + 1) & mask()) {
      if (slots_[i] == nullptr || slots_[i]->initiator_task_tag == tag) return slots_[i];
    }
  }
  // Sets task.index; the tag must not be in the table.
  void insert(Task& task) {
    if (count_ * 2 >= slots_.size()) grow();
    place(task);
    task.index = free_indexes_[count_++];
  }
  void erase(Task& task);
  std::size_t size() const { return count_; }
  // Calls fn(Task&) for all; fn may erase any.
  template <class Fn>
  void for_each(Fn&& fn) const {
    const std::vector<Task*> all = slots_;
    for (Task* const task : all) {
      if (task != nullptr && task->place != TaskPlace::kFree) fn(*task);
    }
  }

 private:
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t home(std::uint32_t tag) const { return (tag * 0x9e3779b1u >> 7) & mask(); }
  void place(Task& task) {
    std::size_t i = home(task.initiator_task_tag);
    while (slots_[i] != nullptr) i = (i + 1) & mask();
    slots_[i] = &task;
  }
  void grow();

  std::vector<Task*> slots_;
  std::vector<std::uint16_t> free_indexes_;  // from count_ on: those not in use
  std::size_t count_ = 0;
};

}  // namespace iscsi
