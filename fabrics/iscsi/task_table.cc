// Growth of the task table.
#include "fabrics/iscsi/task_table.h"

namespace iscsi {

void TaskTable::grow() {
  const std::vector<Task*> old = std::move(buckets_);
  buckets_.assign(old.empty() ? 16 : old.size() * 2, nullptr);
  for (Task* task : old) {
    while (task != nullptr) {
      Task* const next = task->next_in_bucket;
      link(*task);
      task = next;
    }
  }
  for (std::size_t i = free_indexes_.size(); i < buckets_.size(); ++i) {
    free_indexes_.push_back(static_cast<std::uint16_t>(i));
  }
}

}  // namespace iscsi
