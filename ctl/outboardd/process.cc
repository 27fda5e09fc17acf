// Limits, permissions and signals of the process.
#include "ctl/outboardd/process.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "ctl/outboardd/log.h"

namespace ctl {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

void prepare_process() {
  umask(077);
  const rlimit no_core{0, 0};
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0)
    kProcessLog.warn("core dumps stay possible");
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) kProcessLog.warn("the limit on open files cannot be raised");
  }
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

base::Result<std::unique_ptr<SignalWatch>> SignalWatch::create(hal::Reactor& reactor,
                                                               std::function<void(int)> received) {
  const sigset_t set = ending_signals();
  Fd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return base::fail_errno("signalfd");
  std::unique_ptr<SignalWatch> watch(new SignalWatch(reactor, std::move(fd), std::move(received)));
  TRY(reactor.watch(watch->fd_.get(), EPOLLIN, *watch));
  return watch;
}

void SignalWatch::fd_ready(std::uint32_t) {
  signalfd_siginfo info{};
  while (read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    received_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace ctl
