// The last N events of a port, overwritten in turn: what a log line would be too many for. Written and read by the
// port's own thread; bytes from a peer are escaped when they are shown.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"

namespace base {

// Event: an enum of the owner. `detail` is a number whose meaning the event gives, `subject` who it was about, cut off
// at kSubject bytes. The memory is taken once, when the ring is made.
template <class Event, std::size_t Size>
class EventRing {
  static_assert((Size & (Size - 1)) == 0, "a power of two");

 public:
  static constexpr std::size_t kSubject = 48;
  struct Entry {
    Time at{};
    std::uint64_t detail = 0;
    Event event{};
    std::uint8_t subject_size = 0;
    std::array<char, kSubject> subject_bytes{};
    std::string_view subject() const { return {subject_bytes.data(), subject_size}; }
  };
  void add(Time at, Event event, std::string_view subject, std::uint64_t detail = 0) {
    Entry& entry = (*entries_)[written_++ & (Size - 1)];
    entry.at = at;
    entry.detail = detail;
    entry.event = event;
    entry.subject_size = static_cast<std::uint8_t>(std::min(subject.size(), kSubject));
    std::copy_n(subject.begin(), entry.subject_size, entry.subject_bytes.begin());
  }
  std::uint64_t written() const { return written_; }
  std::uint64_t overwritten() const { return written_ - std::min<std::uint64_t>(written_, Size); }
  // Calls fn(const Entry&) from the oldest kept to the newest.
  template <class Fn>
  void for_each(Fn&& fn) const {
    for (std::uint64_t i = written_ > Size ? written_ - Size : 0; i != written_; ++i) fn((*entries_)[i & (Size - 1)]);
  }

 private:
  std::unique_ptr<std::array<Entry, Size>> entries_ = std::make_unique<std::array<Entry, Size>>();
  std::uint64_t written_ = 0;
};

}  // namespace base
