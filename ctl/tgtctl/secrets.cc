// Where secrets come from.
#include "ctl/tgtctl/secrets.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "ctl/files.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 20;

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// Echo is off as long as this lives. A signal interrupts the read instead of ending us with the echo still off.
class Quiet {
 public:
  explicit Quiet(int fd) : fd_(fd) {
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int) {};  // no SA_RESTART
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &interrupt, &before_actions_[i]);
    if (tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ok_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~Quiet() {
    if (ok_) tcsetattr(fd_, TCSAFLUSH, &before_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_actions_[i], nullptr);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  bool ok() const { return ok_; }

 private:
  int fd_;
  bool ok_ = false;
  termios before_{};
  std::array<struct sigaction, kSignals.size()> before_actions_{};
};

base::Result<Secret> ask(const std::string& label) {
  const Fd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal) {
    return base::fail(base::Errc::kInvalid, "no terminal to ask for the " + label + ": give a file or a descriptor");
  }
  const Quiet quiet(terminal.get());
  if (!quiet.ok()) return base::fail_errno("turn off the terminal's echo");
  const std::string prompt = label + ": ";
  if (write(terminal.get(), prompt.data(), prompt.size()) < 0) return base::fail_errno("write to the terminal");
  std::array<char, 1024> line;
  const ssize_t n = read(terminal.get(), line.data(), line.size());
  if (write(terminal.get(), "\n", 1) < 0 || n <= 0) return base::fail(base::Errc::kInvalid, "no secret was entered");
  std::string_view text(line.data(), static_cast<std::size_t>(n));
  if (text.ends_with('\n')) text.remove_suffix(1);
  Secret secret(text);
  explicit_bzero(line.data(), line.size());
  return secret;
}

}  // namespace

base::Result<std::string> read_text_file(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", kMaxText);
  return read_named_file(path, kMaxText, false);
}

base::Result<Secret> read_secret(const SecretSource& source) {
  if (source.fd < 0 && source.file.empty()) return ask(source.label);
  std::string text = source.fd >= 0 ? TRY(read_all(source.fd, "the descriptor", kMaxText))
                                    : TRY(read_named_file(source.file, kMaxText, true));
  // A newline at the end is the editor's or echo's, not the secret's.
  const std::size_t length = text.size() - (text.ends_with('\n') ? 1 : 0);
  Secret secret(std::string_view(text).substr(0, length));
  explicit_bzero(text.data(), text.size());
  return secret;
}

}  // namespace ctl
