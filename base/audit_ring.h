// The last N events of one command or port, overwritten in turn; written by one thread, read by the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace base {

// Event: an enum of the owner. `detail` is a number whose meaning the event gives (a length, a sense code).
template <class Event, std::size_t Size>
class AuditRing {
  static_assert((Size & (Size - 1)) == 0, "a power of two");

 public:
  struct Entry {
    Time at{};
    std::uint32_t detail = 0;
    Event event{};
  };
  void clear() { written_ = 0; }
  void add(Time at, Event event, std::uint32_t detail = 0) {
    entries_[written_++ & (Size - 1)] = Entry{at, detail, event};
  }
  std::uint32_t written() const { return written_; }
  // Calls fn(const Entry&) from the oldest kept to the newest.
  template <class Fn>
  void for_each(Fn&& fn) const {
    const std::uint32_t first = written_ > Size ? written_ - static_cast<std::uint32_t>(Size) : 0;
    for (std::uint32_t i = first; i != written_; ++i) fn(entries_[i & (Size - 1)]);
  }

 private:
  std::array<Entry, Size> entries_{};
  std::uint32_t written_ = 0;
};

}  // namespace base
