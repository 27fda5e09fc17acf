// Logging: one named logger per folder over spdlog. error = the operator must act, warn = a peer or device misbehaved,
// info = state change, debug = per login or event. Nothing per command. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace base {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError, kOff };

class Logger {
 public:
  constexpr explicit Logger(const char* name) : name_(name) {}  // a literal: "iscsi"
  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::kDebug, format, fmt::make_format_args(args...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::kInfo, format, fmt::make_format_args(args...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::kWarn, format, fmt::make_format_args(args...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    write(LogLevel::kError, format, fmt::make_format_args(args...));
  }

 private:
  void write(LogLevel level, fmt::string_view format, fmt::format_args args) const;
  const char* name_;
};

void set_log_level(LogLevel level);
// Also receives every line at or above info; tests use it to fail on unannounced warnings. Null removes it.
using LogObserver = void (*)(LogLevel level, std::string_view logger, std::string_view line);
void set_log_observer(LogObserver observer);

// A peer's bytes made safe for a log line: printable ASCII kept, the rest as \xNN, cut after `limit` characters.
std::string escaped(std::string_view bytes, std::size_t limit = 64);

}  // namespace base
