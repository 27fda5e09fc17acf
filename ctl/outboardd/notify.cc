// The datagrams of sd_notify(3), and the round of questions behind its watchdog.
#include "ctl/outboardd/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace ctl {
namespace {

// What systemd says about this process is not for those that come after it.
std::string take_variable(const char* name) {
  const char* const value = getenv(name);
  std::string text = value == nullptr ? "" : value;
  unsetenv(name);
  return text;
}

}  // namespace

Notifier Notifier::from_environment() {
  Notifier made;
  const std::string name = take_variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || name.size() >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return made;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  base::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (socket && connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0)
    made.socket_ = std::move(socket);
  return made;
}

void Notifier::send(std::string_view state) const {
  // Nobody is told when it fails: systemd's own limits then hold.
  if (active()) (void)::send(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL);
}

Watchdog::Watchdog(hal::Reactor& control, std::vector<hal::Reactor*> watched, const Notifier& notifier,
                   base::Duration period)
    : control_(control),
      watched_(std::move(watched)),
      notifier_(notifier),
      period_(period),
      timer_([](void* self) { static_cast<Watchdog*>(self)->ask(); }, this) {}

std::unique_ptr<Watchdog> Watchdog::from_environment(hal::Reactor& control, std::vector<hal::Reactor*> watched,
                                                     const Notifier& notifier) {
  const std::string text = take_variable("WATCHDOG_USEC");
  std::int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (!notifier.active() || error != std::errc() || end != text.data() + text.size() || limit < 1000) return nullptr;
  std::unique_ptr<Watchdog> made(
      new Watchdog(control, std::move(watched), notifier, std::chrono::microseconds(limit / 2)));
  made->ask();
  return made;
}

// A round that is not complete goes on: what is owed comes, or systemd ends us.
void Watchdog::ask() {
  timer_.arm(control_.timers(), control_.now() + period_);
  if (missing_ != 0) return;
  missing_ = watched_.size() + 1;
  answered();  // our own: this is the control reactor
  for (hal::Reactor* const reactor : watched_) {
    reactor->post_function([this] { control_.post_function([this] { answered(); }); });
  }
}

void Watchdog::answered() {
  if (--missing_ == 0) notifier_.send("WATCHDOG=1");
}

}  // namespace ctl
