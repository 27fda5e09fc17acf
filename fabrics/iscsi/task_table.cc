// Growth and removal in the task table.
#include "fabrics/iscsi/task_table.h"

#include "base/check.h"

namespace iscsi {

void TaskTable::grow() {
  const std::vector<Task*> old = std::move(slots_);
  slots_.assign(old.empty() ? 16 : old.size() * 2, nullptr);
  for (Task* const task : old) {
    if (task != nullptr) place(*task);
  }
  for (std::size_t i = free_indexes_.size(); i < slots_.size() / 2; ++i) {
    free_indexes_.push_back(static_cast<std::uint16_t>(i));
  }
}

void TaskTable::erase(Task& task) {
  std::size_t hole = home(task.initiator_task_tag);
  while (slots_[hole] != &task) {
    CHECK(slots_[hole] != nullptr);
    hole = (hole + 1) & mask();
  }
  // What lies behind the hole moves into it unless that would put it before its own place.
  for (std::size_t i = (hole + 1) & mask(); slots_[i] != nullptr; i = (i + 1) & mask()) {
    const std::size_t wanted = home(slots_[i]->initiator_task_tag);
    if (((i - wanted) & mask()) < ((i - hole) & mask())) continue;
    slots_[hole] = slots_[i];
    hole = i;
  }
  slots_[hole] = nullptr;
  free_indexes_[--count_] = task.index;
}

}  // namespace iscsi
