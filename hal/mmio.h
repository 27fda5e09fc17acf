// Windows of device registers: mapped memory, or a trap that carries each access to a model or another process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "hal/reg.h"

namespace hal {

// Where the accesses of a window go that is not memory. Offsets are those of the BAR; Mmio has checked them. What
// cannot be read (a device that is gone, a connection that broke) reads as all ones, as on a PCI bus.
class MmioTrap {
 public:
  virtual ~MmioTrap() = default;
  virtual std::uint64_t read(std::uint32_t offset, unsigned width) = 0;  // width: 1, 2, 4, 8 bytes
  virtual void write(std::uint32_t offset, unsigned width, std::uint64_t value) = 0;
};

// A value; valid while the PciDevice that gave it lives. read() is ordered before all later memory accesses, write()
// after all earlier ones: docs/memory-order.md. An offset beyond the window is our own bug, never a peer's doing.
class Mmio {
 public:
  Mmio() = default;
  explicit Mmio(std::span<volatile std::byte> mapped)
      : base_(mapped.data()), size_(static_cast<std::uint32_t>(mapped.size())) {}
  Mmio(MmioTrap& trap, std::uint32_t size) : trap_(&trap), size_(size) {}

  std::uint32_t size() const { return size_; }
  // Part of the window, e.g. the doorbells of one queue.
  Mmio window(std::uint32_t offset, std::uint32_t size) const {
    CHECK(offset <= size_ && size <= size_ - offset);
    Mmio part = *this;
    part.base_ = base_ != nullptr ? base_ + offset : nullptr;
    part.start_ = start_ + offset;
    part.size_ = size;
    return part;
  }

  template <Readable R>
  [[nodiscard]] R read(std::uint32_t index = 0) const {
    R value{};
    value.raw = load<typename R::RegisterWord>(place<R>(index));
    std::atomic_thread_fence(std::memory_order_acquire);
    return value;
  }
  template <Writable R>
  void write(R value, std::uint32_t index = 0) const {
    std::atomic_thread_fence(std::memory_order_release);
    store<typename R::RegisterWord>(place<R>(index), value.raw);
  }
  // The caller has fenced, once for a batch of doorbells.
  template <Writable R>
  void write_relaxed(R value, std::uint32_t index = 0) const {
    store<typename R::RegisterWord>(place<R>(index), value.raw);
  }
  template <Modifiable R, class F>
  void modify(F&& change, std::uint32_t index = 0) const {
    R value = read<R>(index);
    change(value);
    write(value, index);
  }

 private:
  template <Register R>
  std::uint32_t place(std::uint32_t index) const {
    const std::uint32_t offset = offset_of<R>(index);
    CHECK(index < R::kCount && offset <= size_ && sizeof(typename R::RegisterWord) <= size_ - offset);
    return offset;
  }
  template <class Word>
  Word load(std::uint32_t offset) const {
    if (trap_ != nullptr) return static_cast<Word>(trap_->read(start_ + offset, sizeof(Word)));
    return *reinterpret_cast<const volatile Word*>(base_ + offset);
  }
  template <class Word>
  void store(std::uint32_t offset, Word word) const {
    if (trap_ != nullptr) return trap_->write(start_ + offset, sizeof(Word), word);
    *reinterpret_cast<volatile Word*>(base_ + offset) = word;
  }

  volatile std::byte* base_ = nullptr;  // null: each access goes to the trap
  MmioTrap* trap_ = nullptr;
  std::uint32_t start_ = 0;  // of this window in the BAR
  std::uint32_t size_ = 0;
};

}  // namespace hal
