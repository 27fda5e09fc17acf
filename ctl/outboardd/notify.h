// Tells systemd how the daemon is (sd_notify(3)): ready, ending, and alive as long as every reactor answers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "hal/reactor.h"

namespace ctl {

// Datagrams to the socket that NOTIFY_SOCKET names; without one, nothing is sent.
class Notifier {
 public:
  static Notifier from_environment();
  bool active() const { return socket_.get() >= 0; }
  void send(std::string_view state) const;

 private:
  base::Fd socket_;
};

// Asks each reactor for a sign of life every `period`, and passes it on when all have given one. Lives on the control
// reactor, until the others have ended.
class Watchdog {
 public:
  // The period is half of what WATCHDOG_USEC allows; without it, null.
  static std::unique_ptr<Watchdog> from_environment(hal::Reactor& control, std::vector<hal::Reactor*> watched,
                                                    const Notifier& notifier);
  ~Watchdog() { timer_.disarm(); }

 private:
  Watchdog(hal::Reactor& control, std::vector<hal::Reactor*> watched, const Notifier& notifier, base::Duration period);
  void ask();
  void answered();

  hal::Reactor& control_;
  std::vector<hal::Reactor*> watched_;
  const Notifier& notifier_;
  base::Duration period_;
  std::size_t missing_ = 0;  // answers of this round
  hal::Timer timer_;
};

}  // namespace ctl
