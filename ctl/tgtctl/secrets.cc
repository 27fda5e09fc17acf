// Where secrets come from.
#include "ctl/tgtctl/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
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

base::Result<Secret> from_file(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail_errno("open " + path);
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return base::fail_errno("stat " + path);
  if (S_ISREG(status.st_mode) && (status.st_mode & 077) != 0) {
    return base::fail(base::Errc::kDenied, path + " can be read by others: chmod 600 it");
  }
  std::string text = TRY(read_all(fd.get(), path, kMaxText));
  Secret secret(text);
  explicit_bzero(text.data(), text.size());
  return secret;
}

}  // namespace

base::Result<std::string> read_all(int fd, const std::string& what, std::size_t limit) {
  std::string text;
  for (;;) {
    std::array<char, 4096> chunk;
    const ssize_t n = read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::fail_errno("read " + what);
    if (n == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(n));
    explicit_bzero(chunk.data(), static_cast<std::size_t>(n));
    if (text.size() > limit) return base::fail(base::Errc::kInvalid, what + " is too large");
  }
}

base::Result<std::string> read_text_file(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input", kMaxText);
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return base::fail_errno("open " + path);
  return read_all(fd.get(), path, kMaxText);
}

base::Result<Secret> read_secret(const SecretSource& source) {
  if (source.fd < 0 && source.file.empty()) return ask(source.label);
  Secret secret =
      source.fd >= 0 ? Secret(TRY(read_all(source.fd, "descriptor", kMaxText))) : TRY(from_file(source.file));
  // A newline at the end is the editor's or echo's, not the secret's.
  std::string_view text = secret.reveal();
  if (text.ends_with('\n')) text.remove_suffix(1);
  return Secret(text);
}

}  // namespace ctl
