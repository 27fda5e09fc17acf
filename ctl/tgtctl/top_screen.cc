// The loop of tgtctl top: asks, waits, shows; keys of the terminal change the order.
#include "ctl/tgtctl/top.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>

#include "base/clock.h"
#include "ctl/libtgt/client.h"
#include "ctl/tgtctl/exit_codes.h"

namespace ctl {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void note_signal(int) { interrupted = 1; }

void say(const std::string& text) {
  fputs(text.c_str(), stdout);
  fflush(stdout);
}

// Keys come one by one and unseen, and the table has a screen of its own, as long as this lives.
class Screen {
 public:
  Screen() {
    if (tcgetattr(STDIN_FILENO, &before_) == 0) {
      termios keys = before_;
      keys.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
      restore_ = tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
    }
    say("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    say("\x1b[?25h\x1b[?1049l");
    if (restore_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void show(const std::string& heading, const std::string& table) const {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2;
    const std::size_t lines = known ? size.ws_row : 24, columns = known && size.ws_col > 20 ? size.ws_col : 80;
    std::string out = "\x1b[H\x1b[J" + heading + "\r\n";
    std::size_t at = 0;
    for (std::size_t line = 2; line < lines && at < table.size(); ++line) {
      const std::size_t end = table.find('\n', at);
      out += table.substr(at, std::min(end - at, columns)) + "\r\n";
      at = end + 1;
    }
    say(out);
  }

 private:
  termios before_{};
  bool restore_ = false;
};

// Waits; true when a key ended it. Keys that choose an order are taken.
bool wait(base::Duration time, bool keys, TopSort& sort) {
  pollfd input{keys ? STDIN_FILENO : -1, POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  const int ready = poll(&input, 1, static_cast<int>(std::max<std::int64_t>(milliseconds, 0)));
  if (ready <= 0 || interrupted != 0) return interrupted != 0;
  char key = 0;
  if (read(STDIN_FILENO, &key, 1) != 1) return true;
  static constexpr std::array<std::pair<char, TopSort>, 5> kKeys = {{{'i', TopSort::kIops},
                                                                     {'t', TopSort::kThroughput},
                                                                     {'l', TopSort::kLatency},
                                                                     {'e', TopSort::kErrors},
                                                                     {'n', TopSort::kName}}};
  for (const auto& [letter, order] : kKeys) {
    if (key == letter) sort = order;
  }
  return key == 'q' || key == 'Q';
}

const char* sort_name(TopSort sort) {
  static constexpr std::array kNames = {"iops", "throughput", "latency", "errors", "name"};
  return kNames[static_cast<std::size_t>(sort)];
}

class Top {
 public:
  Top(const TopOptions& options, Client client)
      : options_(options),
        client_(std::move(client)),
        live_(!options.batch && !options.json && isatty(STDOUT_FILENO) != 0),
        sort_(options.sort) {}

  base::Result<void> run() {
    TRY(ask());
    std::optional<Screen> screen;
    if (live_) screen.emplace();
    for (std::uint64_t shown = 0; options_.count == 0 || shown < options_.count; ++shown) {
      const base::Time due = asked_ + options_.interval;
      while (clock_.now() < due) {
        if (wait(due - clock_.now(), live_ && isatty(STDIN_FILENO) != 0, sort_)) return {};
        if (screen && !rates_.is_null()) show(*screen);  // perhaps in another order
      }
      const base::Time before = asked_;
      const Json old = std::move(answer_);
      TRY(ask());
      rates_ = rates_between(old, answer_, std::chrono::duration<double>(asked_ - before).count());
      if (screen) {
        show(*screen);
      } else {
        print(shown);
      }
    }
    return {};
  }

 private:
  base::Result<void> ask() {
    Json params = {{"latency", true}};
    if (!options_.of.empty()) params["of"] = options_.of;
    answer_ = TRY(client_.call("stats", params));
    asked_ = clock_.now();
    return {};
  }
  void show(const Screen& screen) {
    sort_rates(rates_, sort_);
    screen.show(std::string("sorted by ") + sort_name(sort_) +
                    "; i iops, t throughput, l latency (p99), e errors, n name, q quits",
                format_rates(rates_));
  }
  void print(std::uint64_t shown) {
    sort_rates(rates_, sort_);
    if (options_.json) return say(print_json(rates_) + "\n");
    say((shown == 0 ? "" : "\n") + format_rates(rates_));
  }

  const TopOptions& options_;
  Client client_;
  const bool live_;
  TopSort sort_;
  base::RealClock clock_;
  Json answer_, rates_;
  base::Time asked_{};
};

}  // namespace

int run_top(const TopOptions& options) {
  auto client = Client::connect(options.socket);
  if (!client) return fail(client.error(), kNoDaemon);
  struct sigaction end {};
  end.sa_handler = note_signal;  // no SA_RESTART: it ends the wait
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &end, nullptr);
  Top top(options, std::move(*client));
  const auto done = top.run();
  return done ? 0 : fail(done.error(), kRefused);
}

}  // namespace ctl
