// The three rings that a port shares with its adapter: requests, responses, ATIOs. Rules: docs/memory-order.md.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "drivers/qla/device.h"
#include "drivers/qla/regs.h"
#include "drivers/qla/wire.h"
#include "hal/dma.h"

namespace qla {

// Where a chip with shadows keeps its index of a ring, so that nobody reads the bus for it: behind the last entry.
class Shadow {
 public:
  Shadow(hal::DmaSpan ring, bool has_one) : at_(has_one ? ring.bytes.data() + ring.bytes.size() : nullptr) {}
  explicit operator bool() const { return at_ != nullptr; }
  std::uint32_t read() const { return word().load(std::memory_order_acquire); }
  void clear() const {
    if (at_ != nullptr) word().store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t>& word() const { return *reinterpret_cast<std::atomic<std::uint32_t>*>(at_); }
  std::byte* at_;
};

// Entries for the adapter. They are written in place; nothing of them is the adapter's before flush().
class RequestRing {
 public:
  RequestRing(Site& site, hal::DmaSpan memory, bool shadow)
      : site_(site),
        memory_(memory),
        shadow_(memory, shadow),
        mask_(static_cast<std::uint32_t>(memory.bytes.size() / wire::kEntryBytes) - 1),
        free_(mask_) {}
  void reset();
  void close();  // no room, and no look at the adapter, before the next reset()
  // Room for `count` entries, and kReserved more unless the caller may use those.
  static constexpr std::uint32_t kReserved = 64;
  bool has_room(std::uint32_t count, std::uint32_t reserved = kReserved) {
    return free_ >= count + reserved || refresh() >= count + reserved;
  }
  // The next entry, to be filled; zeroed, or a copy. Only after has_room().
  template <class T>
  T& next() {
    T& entry = place<T>();
    std::memset(static_cast<void*>(&entry), 0, sizeof entry);
    return entry;
  }
  template <class T>
  T& next(const T& like) {
    T& entry = place<T>();
    std::memcpy(static_cast<void*>(&entry), static_cast<const void*>(&like), sizeof entry);
    return entry;
  }
  bool flush();  // rings the doorbell when there is something new
  std::uint32_t in() const { return in_; }
  std::uint32_t out() const { return out_; }
  std::uint32_t entries() const { return mask_ + 1; }
  std::span<const std::byte> bytes() const { return memory_.bytes; }

 private:
  template <class T>
  T& place() {
    static_assert(sizeof(T) == wire::kEntryBytes && alignof(T) == 1);
    std::byte* const at = memory_.bytes.data() + in_ * wire::kEntryBytes;
    in_ = (in_ + 1) & mask_;
    --free_;
    return *reinterpret_cast<T*>(at);
  }
  std::uint32_t refresh();
  Site& site_;
  hal::DmaSpan memory_;
  Shadow shadow_;
  std::uint32_t mask_;
  std::uint32_t free_;  // entries that the adapter is known to have done with
  std::uint32_t in_ = 0, out_ = 0, told_ = 0;
  bool closed_ = false;
};

// Entries from the adapter; In and Out say with which registers.
template <hal::Mmio Indices::*In, hal::Mmio Indices::*Out>
class AnswerRing {
 public:
  AnswerRing(Site& site, hal::DmaSpan memory, bool shadow)
      : site_(site),
        memory_(memory),
        shadow_(memory, shadow),
        mask_(static_cast<std::uint32_t>(memory.bytes.size() / wire::kEntryBytes) - 1) {}
  void reset() {
    std::memset(memory_.bytes.data(), 0xff, memory_.bytes.size());
    for (std::uint32_t i = 0; i <= mask_; ++i) mark_taken(i);
    out_ = told_ = 0;
    shadow_.clear();
  }
  // The next entry has been written, or is being written: its last dword is.
  bool peek() const { return signature(out_).load(std::memory_order_acquire) != wire::kEntryTaken; }
  // How many entries the adapter has handed over by its index; without a shadow a read of the bus.
  std::uint32_t ready() {
    const std::uint32_t in = shadow_ ? shadow_.read() : (site_.indices.*In).template read<Index>().raw;
    if (in > mask_) {
      if (in != ~std::uint32_t{0}) site_.wrong(Count::kWrongIndex, "index of a ring", in);
      return 0;
    }
    return (in - out_) & mask_;
  }
  // Copies the next entry out and gives its place back.
  void take(wire::Entry& entry) {
    std::memcpy(&entry, at(out_), sizeof entry);
    mark_taken(out_);
    out_ = (out_ + 1) & mask_;
  }
  bool take_if_any(wire::Entry& entry) {
    const bool any = peek();
    if (any) take(entry);
    return any;
  }
  bool flush() {
    if (out_ == told_) return false;
    told_ = out_;
    Index value;
    value.raw = out_;
    (site_.indices.*Out).write(value);
    return true;
  }
  std::uint32_t out() const { return out_; }
  std::uint32_t entries() const { return mask_ + 1; }
  std::span<const std::byte> bytes() const { return memory_.bytes; }

 private:
  std::byte* at(std::uint32_t index) const { return memory_.bytes.data() + index * wire::kEntryBytes; }
  // The last dword of an entry.
  std::atomic<std::uint32_t>& signature(std::uint32_t index) const {
    return *reinterpret_cast<std::atomic<std::uint32_t>*>(at(index) + wire::kEntryBytes - 4);
  }
  void mark_taken(std::uint32_t index) { signature(index).store(wire::kEntryTaken, std::memory_order_relaxed); }
  Site& site_;
  hal::DmaSpan memory_;
  Shadow shadow_;
  std::uint32_t mask_;
  std::uint32_t out_ = 0, told_ = 0;
};

using ResponseRing = AnswerRing<&Indices::response_in, &Indices::response_out>;
using AtioRing = AnswerRing<&Indices::atio_in, &Indices::atio_out>;

}  // namespace qla
