// The tasks of one reactor: made in chunks as they are first needed, kept for ever, promised to sessions by count.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "fabrics/iscsi/task.h"

namespace iscsi {

class TaskPool {
 public:
  explicit TaskPool(std::size_t limit) : limit_(limit) {}
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;
  // Promises up to `wanted` tasks, at least `least`; the number promised, or 0 when there are fewer than `least` left.
  std::size_t reserve(std::size_t wanted, std::size_t least);
  void unreserve(std::size_t count) { reserved_ -= count; }
  // Null when the machine has no memory: promises are numbers, not memory.
  Task* take() {
    if (Task* const task = free_.pop_front()) return task;
    return grow() ? free_.pop_front() : nullptr;
  }
  void give(Task& task) { free_.push_front(task); }
  std::size_t made() const { return chunks_.size() * kChunk; }

 private:
  static constexpr std::size_t kChunk = 16;
  using Chunk = std::array<Task, kChunk>;
  bool grow();

  std::size_t limit_, reserved_ = 0;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  base::IntrusiveList<Task> free_;
};

}  // namespace iscsi
