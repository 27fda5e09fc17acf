// The bridge from base::Logger to spdlog: to standard error, one line per event.
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "base/log_format.h"

namespace base {
namespace {

std::atomic<LogObserver> observer{nullptr};
std::atomic<LogFormat> shape{LogFormat::kText};

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = spdlog::stderr_logger_mt("outboard");
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

int syslog_priority(LogLevel level) {  // syslog(3)
  return level == LogLevel::kError ? 3 : level == LogLevel::kWarn ? 4 : level == LogLevel::kInfo ? 6 : 7;
}

}  // namespace

void set_log_format(LogFormat format) {
  shape.store(format);
  if (format == LogFormat::kJournal) sink().set_pattern("%v");
  if (format == LogFormat::kJson) {
    sink().set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",\"level\":\"%l\",%v}", spdlog::pattern_time_type::utc);
  }
}

void set_log_level(LogLevel level) { sink().set_level(to_spdlog(level)); }
void set_log_observer(LogObserver new_observer) { observer.store(new_observer); }

void Logger::write(LogLevel level, fmt::string_view format, fmt::format_args args) const {
  const LogObserver watch = observer.load(std::memory_order_relaxed);
  const bool shown = sink().should_log(to_spdlog(level));
  if (!shown && (watch == nullptr || level < LogLevel::kInfo)) return;
  const std::string line = fmt::vformat(format, args);
  if (shown) {
    switch (shape.load(std::memory_order_relaxed)) {
      case LogFormat::kText:
        sink().log(to_spdlog(level), "{}: {}", name_, line);
        break;
      case LogFormat::kJson:
        sink().log(to_spdlog(level), json_members(name_, line, format, args));
        break;
      case LogFormat::kJournal:
        sink().log(to_spdlog(level), "<{}>{}: {}", syslog_priority(level), name_, line);
        break;
    }
  }
  if (watch != nullptr && level >= LogLevel::kInfo) watch(level, name_, line);
}

std::string escaped(std::string_view bytes, std::size_t limit) {
  std::string out;
  for (const char c : bytes.substr(0, limit)) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out.push_back(c);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (bytes.size() > limit) out += "...";
  return out;
}

}  // namespace base
