// Forking the launcher, and what it does.
#include "ctl/upgrade/launcher.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "ctl/outboardd/sandbox.h"
#include "ctl/upgrade/channel.h"

namespace ctl {
namespace {

constexpr const char* kOption = "--take-over";

base::Result<std::string> own_program() {
  std::array<char, 4096> path;
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || static_cast<std::size_t>(length) == path.size()) return base::fail_errno("read /proc/self/exe");
  return std::string(path.data(), static_cast<std::size_t>(length));
}

// As it was started, but for where an earlier upgrade came from.
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], kOption) == 0) {
      ++i;
    } else {
      words.emplace_back(argv[i]);
    }
  }
  words.emplace_back(kOption);
  words.push_back(std::to_string(kHandoverDescriptor));
  return words;
}

[[noreturn]] void become(const std::string& program, std::vector<std::string>& words, int handover) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) std::signal(signal, SIG_DFL);
  dup2(handover, kHandoverDescriptor);  // where our own socket was; open in the new program
  close_range(kHandoverDescriptor + 1, ~0u, 0);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  _exit(127);  // the closed socket tells
}

// Ends with the daemon, not by the signals that are sent to all processes of a terminal or a service.
[[noreturn]] void serve(const base::Fd& socket, const std::string& program, std::vector<std::string> words) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) std::signal(signal, SIG_IGN);
  prctl(PR_SET_NAME, "outboard-launch");
  if (!drop_capabilities() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(1);
  for (;;) {
    base::Fd handover;
    char byte = 0;
    const ssize_t got = receive_with_descriptor(socket.get(), {&byte, 1}, handover);
    if (got == 0 || (got < 0 && errno != EINTR)) _exit(0);
    if (got < 0 || !handover) continue;
    if (fork() == 0) become(program, words, handover.get());
  }
}

}  // namespace

base::Result<Launcher> Launcher::start(int argc, char** argv) {
  const std::string program = TRY(own_program());
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return base::fail_errno("socketpair");
  base::Fd ours(ends[0]), theirs(ends[1]);
  const pid_t child = fork();
  if (child < 0) return base::fail_errno("fork");
  if (child == 0) {
    // Nothing of what the daemon has open, and not its end, which must close with it.
    const int low = fcntl(theirs.release(), F_DUPFD_CLOEXEC, kHandoverDescriptor + 1);
    const base::Fd socket(dup3(low, kHandoverDescriptor, O_CLOEXEC));
    close_range(kHandoverDescriptor + 1, ~0u, 0);
    serve(socket, program, words_of(argc, argv));
  }
  return Launcher(std::move(ours));
}

base::Result<void> Launcher::launch(base::Fd handover) const {
  const char byte = 1;
  if (!send_with_descriptors(socket_.get(), {&byte, 1}, std::array{handover.get()})) {
    return base::fail_errno("ask the launcher");
  }
  return {};
}

}  // namespace ctl
