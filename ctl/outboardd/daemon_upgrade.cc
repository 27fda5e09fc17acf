// The daemon in an upgrade in place: as the old one, which goes, and as the new one, which takes over.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "ctl/outboardd/daemon.h"
#include "ctl/outboardd/log.h"

namespace ctl {
namespace {

constexpr auto kLastAnswers = std::chrono::milliseconds(300);  // to management clients, until the old daemon is gone

}  // namespace

// --- the old one ---

void Daemon::make_departure() {
  departure_ = std::make_unique<Departure>(
      Departure::Parts{*control_, launcher_, *transactor_, *engine_, *fabric_, *core_, [this] { return welcome(); },
                       // Whom systemd is to watch over. Told before the new one speaks for itself.
                       [this](std::uint64_t pid) { notifier_.send(fmt::format("MAINPID={}", pid)); },
                       [this] { notifier_.send(fmt::format("MAINPID={}", getpid())); }, [this] { gone(); }});
  service_->on_upgrade(
      [this](const UpgradeOptions& options, Departure::Done done) { upgrade(options, std::move(done)); });
}

void Daemon::upgrade(const UpgradeOptions& options, Departure::Done done) {
  if (ending_) return done(base::fail(base::Errc::kBusy, "outboardd is ending"));
  departure_->start(options, std::move(done));
}

std::vector<base::Fd> Daemon::welcome() const {
  std::vector<base::Fd> both;
  for (const int fd : {store_->lock(), server_->listening()}) both.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  return both;
}

void Daemon::gone() {
  gone_ = true;
  server_->give_up_listening();
  leave_timer_.arm(control_->timers(), control_->now() + kLastAnswers);
}

// Not the orderly end: sockets, media and names are somebody else's now.
void Daemon::leave(void*) { _exit(0); }

// --- the new one ---

void Daemon::take_over() {
  arrival_->prepared(
      {*control_, *engine_, *fabric_, *core_}, [this] { begin(); },
      [this](const base::Error& error) {
        kProcessLog.info("no upgrade, the old outboardd goes on: {}", error.text);
        fflush(stderr);
        _exit(1);  // nothing here is ours
      });
}

}  // namespace ctl
