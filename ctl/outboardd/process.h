// What outboardd asks of its process before anything else.
#pragma once

#include <sys/signalfd.h>

#include <functional>
#include <memory>

#include "base/result.h"
#include "ctl/files.h"
#include "hal/reactor.h"

namespace ctl {

// umask 077, no core dumps and no debugger of another process (memory holds secrets), as many descriptors as allowed,
// SIGPIPE ignored; SIGTERM, SIGINT and SIGHUP blocked in this and all later threads.
void prepare_process();

// Hands the blocked signals to a reactor.
class SignalWatch final : private hal::FdHandler {
 public:
  static base::Result<std::unique_ptr<SignalWatch>> create(hal::Reactor& reactor, std::function<void(int)> received);
  ~SignalWatch() override { reactor_.unwatch(fd_.get(), *this); }

 private:
  SignalWatch(hal::Reactor& reactor, Fd fd, std::function<void(int)> received)
      : reactor_(reactor), fd_(std::move(fd)), received_(std::move(received)) {}
  void fd_ready(std::uint32_t events) override;

  hal::Reactor& reactor_;
  Fd fd_;
  std::function<void(int)> received_;
};

}  // namespace ctl
