// How many lines a second peers may make us log: a few at once, then one a second, with the rest counted.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace base {

class LogBudget {
 public:
  // True if a line may be written now; `suppressed()` then tells how many were not since the last.
  bool allow(Time now) {
    if (now - last_ >= std::chrono::seconds(1)) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - last_).count();
      tokens_ = seconds >= kBurst || tokens_ + seconds >= kBurst ? kBurst : tokens_ + static_cast<int>(seconds);
      last_ = now;
    }
    if (tokens_ == 0) {
      ++suppressed_;
      return false;
    }
    --tokens_;
    reported_ = suppressed_;
    suppressed_ = 0;
    return true;
  }
  std::uint64_t suppressed() const { return reported_; }

 private:
  static constexpr int kBurst = 10;
  int tokens_ = kBurst;
  Time last_{};
  std::uint64_t suppressed_ = 0, reported_ = 0;
};

}  // namespace base
