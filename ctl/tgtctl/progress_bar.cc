// Drawing the bar.
#include "ctl/tgtctl/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "ctl/tgtctl/table.h"

namespace ctl {
namespace {

constexpr std::size_t kBar = 30;

std::uint64_t count(const Json& progress, const char* key) {
  const Json value = progress.value(key, Json());
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::size_t columns_of_terminal() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

// A step that tells bytes has the bar to itself; else it is the steps'.
std::string format_progress(const Json& progress, std::size_t columns) {
  if (!progress.is_object() || !progress.value("busy", false)) return {};
  const std::uint64_t steps = count(progress, "steps"), step = std::min(count(progress, "steps_done") + 1, steps);
  const std::uint64_t bytes = count(progress, "bytes"), of = bytes != 0 ? bytes : steps;
  const std::uint64_t done = std::min(count(progress, bytes != 0 ? "bytes_done" : "steps_done"), of);
  const double part = of == 0 ? 0 : static_cast<double>(done) / static_cast<double>(of);
  const auto filled = static_cast<std::size_t>(part * kBar);
  const std::string head =
      fmt::format("[{}{}] {:3.0f} %  ", std::string(filled, '#'), std::string(kBar - filled, '.'), part * 100);
  std::string tail;
  if (bytes != 0) {
    tail += fmt::format(", {} of {}", short_bytes(static_cast<double>(done)), short_bytes(static_cast<double>(bytes)));
  }
  if (steps > 1) tail += fmt::format(", step {} of {}", step, steps);
  if (const std::uint64_t waiting = count(progress, "waiting"); waiting != 0) tail += fmt::format(", {} wait", waiting);
  // Where it is too long, the name of the step gives way.
  const std::size_t others = head.size() + tail.size();
  const std::string name = printable(progress.value("step", std::string()));
  return (head + name.substr(0, columns > others ? columns - others : 0) + tail).substr(0, columns);
}

ProgressBar::ProgressBar(bool wanted) : draws_(wanted && isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fputs("\r\x1b[K", stderr);
}

void ProgressBar::watch(Client& client) {
  client.on_progress([this](const Json& progress) { show(progress); });
}

void ProgressBar::show(const Json& progress) {
  if (!draws_) return;
  const std::string line = format_progress(progress, columns_of_terminal() - 1);
  if (line.empty() && !drawn_) return;
  drawn_ = !line.empty();
  fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  fflush(stderr);
}

}  // namespace ctl
