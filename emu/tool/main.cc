// outboard-emu: hosts models of adapters until it is told to stop.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>

#include "emu/tool/commands.h"
#include "emu/tool/control.h"
#include "emu/tool/options.h"
#include "emu/tool/san.h"

namespace {

using namespace emu::tool;

class Signals final : private hal::FdHandler {
 public:
  explicit Signals(hal::Reactor& reactor) : reactor_(reactor) {
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGINT);
    sigprocmask(SIG_BLOCK, &stopping, nullptr);
    fd_ = base::Fd(signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~Signals() override { reactor_.unwatch(fd_.get(), *this); }
  base::Result<void> watch() { return reactor_.watch(fd_.get(), EPOLLIN, *this); }

 private:
  void fd_ready(std::uint32_t) override {
    signalfd_siginfo info;
    if (read(fd_.get(), &info, sizeof info) == sizeof info) reactor_.stop();
  }
  hal::Reactor& reactor_;
  base::Fd fd_;
};

base::Result<int> serve(const Options& options) {
  const base::RealClock clock;
  const auto reactor = TRY(hal::Reactor::create({.name = "outboard-emu"}));
  Signals signals(*reactor);
  TRY(signals.watch());
  const auto san = TRY(San::create(*reactor, clock, options));
  Commands commands(*san, [&] { reactor->stop(); });
  const auto control = TRY(Control::listen(*reactor, options.control, commands));
  std::printf("outboard-emu: ready: %u adapters in %s\n", options.hbas, options.directory.c_str());
  std::fflush(stdout);
  reactor->run();
  const std::uint64_t faults = san->faults();
  std::printf("outboard-emu: stopped: %llu model faults\n", static_cast<unsigned long long>(faults));
  return options.strict && faults > 0 ? 3 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [options, status] = parse_options(argc, argv);
  if (!options) return status;
  base::set_log_level(options->log_level);
  const auto result = serve(*options);
  if (result.has_value()) return *result;
  std::fprintf(stderr, "outboard-emu: %s\n", result.error().text.c_str());
  return 1;
}
