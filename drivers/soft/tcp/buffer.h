// A buffer for data that has no place yet: from the reactor's pool, or from the heap when the pool is exhausted.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "hal/dma.h"

namespace soft::tcp {

class Buffer {
 public:
  Buffer() = default;
  Buffer(hal::DmaPool& pool, std::size_t size) {
    if (size <= hal::DmaPool::kLargest) bytes_ = pool.take(size).bytes;
    if (!bytes_.empty()) {
      pool_ = &pool;
    } else {
      bytes_ = {new std::byte[size], size};
    }
  }
  Buffer(Buffer&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), pool_(std::exchange(other.pool_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(pool_, other.pool_);
    return *this;
  }
  ~Buffer() { reset(); }
  void reset() {
    if (pool_ != nullptr) {
      pool_->give(bytes_.data());
    } else {
      delete[] bytes_.data();
    }
    bytes_ = {};
    pool_ = nullptr;
  }
  std::span<std::byte> bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }

 private:
  std::span<std::byte> bytes_;
  hal::DmaPool* pool_ = nullptr;
};

}  // namespace soft::tcp
