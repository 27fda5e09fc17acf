// The only source of time. Monotonic nanoseconds; nothing in the tree reads the wall clock for a decision.
#pragma once

#include <chrono>
#include <cstdint>

namespace base {

using Duration = std::chrono::nanoseconds;
struct MonotonicTag {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicTag>;
  static constexpr bool is_steady = true;
};
using Time = std::chrono::time_point<MonotonicTag>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class RealClock final : public Clock {  // CLOCK_MONOTONIC
 public:
  Time now() const override;
};

class ManualClock final : public Clock {  // stands still until a test moves it
 public:
  Time now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  Time now_{std::chrono::hours(1)};
};

}  // namespace base
