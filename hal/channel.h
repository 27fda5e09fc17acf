// Entries from one reactor to another, in order: a bounded ring without lock or allocation, and one wake-up for a
// batch. Rules: docs/memory-order.md.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

#include "hal/reactor.h"

namespace hal {

// Tells a reactor that there is something to look at; asked for again while it is under way, it is under way once.
class Wake final : private Message {
 public:
  using Arrived = void (*)(void* context);
  explicit Wake(Arrived arrived, void* context) : Message(&Wake::run_here), arrived_(arrived), context_(context) {}
  void send(Reactor& reactor) {
    if (!under_way_.exchange(true, std::memory_order_acq_rel)) reactor.post(*this);
  }
  bool under_way() const { return under_way_.load(std::memory_order_acquire); }
  // Its owner goes. Where it is still under way, the reactor does not run any more, or runs on this thread.
  static void retire(std::unique_ptr<Wake> wake) {
    if (!wake->under_way()) return;
    wake->arrived_ = nullptr;
    (void)wake.release();  // freed when it arrives
  }

 private:
  static void run_here(Message& message) {
    Wake& self = static_cast<Wake&>(message);
    self.under_way_.exchange(false, std::memory_order_acq_rel);
    if (self.arrived_ != nullptr) return self.arrived_(self.context_);
    delete &self;
  }
  Arrived arrived_;
  void* const context_;
  std::atomic<bool> under_way_{false};
};

template <class Entry, std::uint32_t Size>
class Channel {
  static_assert((Size & (Size - 1)) == 0, "a power of two");

 public:
  // `arrived` runs on the reader's reactor after a flush(); it need not read, who polls finds the entries too.
  explicit Channel(
      Reactor& reader, Wake::Arrived arrived = [](void*) {}, void* context = nullptr)
      : reader_(reader), wake_(std::make_unique<Wake>(arrived, context)) {}
  ~Channel() { Wake::retire(std::move(wake_)); }

  // --- writer ---
  bool has_room(std::uint32_t count) {
    if (!late_.empty()) return false;
    if (Size - (written_ - read_seen_) < count) read_seen_ = read_.load(std::memory_order_acquire);
    return Size - (written_ - read_seen_) >= count;
  }
  Entry& next() { return ring_[written_++ & (Size - 1)]; }  // only after has_room(); seen after flush()
  // What cannot wait for room with its writer waits here, in order: allocates when the ring is full.
  void add(const Entry& entry) {
    if (has_room(1)) {
      next() = entry;
    } else {
      late_.push_back(entry);
    }
  }
  // Shows what was written, and wakes the reader.
  bool flush() {
    while (!late_.empty() && room() != 0) {
      next() = late_.front();
      late_.pop_front();
    }
    if (written_ == shown_.load(std::memory_order_relaxed)) return false;
    shown_.store(written_, std::memory_order_release);
    wake();
    return true;
  }
  void wake() { wake_->send(reader_); }
  bool all_shown() const { return late_.empty() && written_ == shown_.load(std::memory_order_relaxed); }
  bool waking() const { return wake_->under_way(); }

  // --- reader ---
  // The i-th that is there, or null.
  const Entry* front(std::uint32_t i = 0) {
    const std::uint32_t at = read_.load(std::memory_order_relaxed) + i;
    if (shown_seen_ - at - 1 >= Size) shown_seen_ = shown_.load(std::memory_order_acquire);
    return shown_seen_ - at - 1 < Size ? &ring_[at & (Size - 1)] : nullptr;
  }
  void pop(std::uint32_t count = 1) {
    read_.store(read_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

 private:
  std::uint32_t room() {
    read_seen_ = read_.load(std::memory_order_acquire);
    return Size - (written_ - read_seen_);
  }
  Reactor& reader_;
  std::unique_ptr<Wake> wake_;
  // The writer's, the reader's, and what both use, each on cache lines of their own.
  alignas(64) std::uint32_t written_ = 0;
  std::uint32_t read_seen_ = 0;
  std::deque<Entry> late_;
  alignas(64) std::uint32_t shown_seen_ = 0;
  alignas(64) std::atomic<std::uint32_t> shown_{0};
  alignas(64) std::atomic<std::uint32_t> read_{0};
  alignas(64) std::array<Entry, Size> ring_;
};

}  // namespace hal
