// main() of every GoogleTest program: watches the log and fails the test during which an unannounced line appeared.
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "tests/support/log_guard.h"

namespace test_support {
namespace {

std::mutex mutex;  // lines may come from reactor threads
std::vector<ExpectLog*> announced;
std::vector<std::string> unannounced;

class LogGuard : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo&) override {
    const std::lock_guard lock(mutex);
    for (const std::string& line : unannounced) ADD_FAILURE() << "unannounced log line: " << line;
    unannounced.clear();
  }
};

}  // namespace

void observe_line(const std::string& line) {
  const std::lock_guard lock(mutex);
  for (ExpectLog* expected : announced) {
    if (line.find(expected->part_) != std::string::npos) {
      ++expected->count_;
      return;
    }
  }
  unannounced.push_back(line);
}

ExpectLog::ExpectLog(std::string part) : part_(std::move(part)) {
  const std::lock_guard lock(mutex);
  announced.push_back(this);
}

ExpectLog::~ExpectLog() {
  const std::lock_guard lock(mutex);
  std::erase(announced, this);
  if (count_ == 0) ADD_FAILURE() << "announced, but never logged: " << part_;
}

}  // namespace test_support

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new test_support::LogGuard);
  base::set_log_level(base::LogLevel::kWarn);
  base::set_log_observer([](base::LogLevel level, std::string_view logger, std::string_view line) {
    if (level >= base::LogLevel::kWarn) test_support::observe_line(std::string(logger) + ": " + std::string(line));
  });
  return RUN_ALL_TESTS();
}
