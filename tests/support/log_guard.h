// Tests fail on any warning or error in the log that they did not announce.
#pragma once

#include <string>

namespace test_support {

// Announces, for its lifetime, that a line holding `part` may be logged as a warning or error; `count()` lines did. A
// guard that saw no line fails the test: an announcement that never comes true is a test that checks nothing.
class ExpectLog {
 public:
  explicit ExpectLog(std::string part);
  ~ExpectLog();
  ExpectLog(const ExpectLog&) = delete;
  ExpectLog& operator=(const ExpectLog&) = delete;
  int count() const { return count_; }

 private:
  friend void observe_line(const std::string& line);
  std::string part_;
  int count_ = 0;
};

}  // namespace test_support

using test_support::ExpectLog;
