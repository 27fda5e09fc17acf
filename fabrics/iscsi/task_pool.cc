// Growing of the task pool.
#include "fabrics/iscsi/task_pool.h"

#include <algorithm>
#include <new>

namespace iscsi {

TaskPool::~TaskPool() {
  while (free_.pop_front() != nullptr) {
  }
}

std::size_t TaskPool::reserve(std::size_t wanted, std::size_t least) {
  const std::size_t count = std::min(wanted, limit_ - std::min(limit_, reserved_));
  if (count < least) return 0;
  reserved_ += count;
  return count;
}

bool TaskPool::grow() {
  std::unique_ptr<Chunk> chunk(new (std::nothrow) Chunk);
  if (chunk == nullptr) return false;
  for (Task& task : *chunk) free_.push_back(task);
  chunks_.push_back(std::move(chunk));
  return true;
}

}  // namespace iscsi
