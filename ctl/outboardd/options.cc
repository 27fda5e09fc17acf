// Reading outboardd's command line with CLI11, whose exceptions end here.
#include "ctl/outboardd/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <map>
#include <sstream>

#include "ctl/libtgt/client.h"
#include "ctl/outboardd/config_page.h"
#include "ctl/outboardd/cores.h"
#include "ctl/tgtctl/grammar.h"
#include "ctl/units.h"

namespace ctl {
namespace {

const std::map<std::string, base::LogLevel> kLevels = {{"debug", base::LogLevel::kDebug},
                                                       {"info", base::LogLevel::kInfo},
                                                       {"warn", base::LogLevel::kWarn},
                                                       {"error", base::LogLevel::kError}};

const std::map<std::string, base::LogFormat> kFormats = {
    {"text", base::LogFormat::kText}, {"json", base::LogFormat::kJson}, {"journal", base::LogFormat::kJournal}};

const std::map<std::string, Seccomp> kSeccomp = {
    {"refuse", Seccomp::kRefuse}, {"kill", Seccomp::kKill}, {"off", Seccomp::kOff}};

struct Words {  // options that are understood after CLI11 has read them
  std::string reactors = "auto", cores, level = "info", format = "text", grace = "5s", seccomp = "refuse";
  unsigned busy_poll = 50;
};

base::Result<void> understand(const Words& words, Options& options) {
  if (words.reactors != "auto") {
    const char* const end = words.reactors.data() + words.reactors.size();
    const auto [stop, error] = std::from_chars(words.reactors.data(), end, options.reactors);
    if (error != std::errc() || stop != end || options.reactors < 1 || options.reactors > 256) {
      return base::fail(base::Errc::kInvalid, "--reactors is auto, or 1 to 256");
    }
  }
  if (!words.cores.empty()) options.cores = TRY(parse_cores(words.cores));
  if (!options.cores.empty() && options.reactors != 0 && options.reactors != options.cores.size()) {
    return base::fail(base::Errc::kInvalid, "--reactors and --cores disagree: there is one reactor on each core");
  }
  options.busy_poll = std::chrono::microseconds(words.busy_poll);
  options.log_level = kLevels.at(words.level);
  options.log_format = kFormats.at(words.format);
  options.seccomp = kSeccomp.at(words.seccomp);
  const auto grace = parse_duration(words.grace);
  if (!grace || *grace > std::chrono::minutes(10)) return base::fail(base::Errc::kInvalid, "--grace is 0s to 10min");
  options.grace = *grace;
  return {};
}

constexpr const char* kManEnd = R"man(.SH SIGNALS
SIGTERM and SIGINT: initiators are asked to log out, then it ends; the second one ends it at once.
.SH FILES
.TP
.I /etc/outboard/outboard.toml
The configuration to begin with, as the Debian package starts it.
.TP
.I /var/lib/outboard
Configuration, secrets and reservations; not to be edited.
.TP
.I /run/outboard/outboardd.sock
The management socket.
.SH SEE ALSO
.BR outboard.toml (5),
.BR tgtctl (8)
)man";

}  // namespace

OptionsResult parse_options(int argc, const char* const* argv) {
  Options options;
  options.socket = kDefaultSocket;
  options.state_dir = "/var/lib/outboard";
  Words words;
  bool foreground = true;
  CLI::App app("outboardd: serves logical units over iSCSI; managed by tgtctl", "outboardd");
  app.set_version_flag("--version", std::string("outboardd ") + OUTBOARD_VERSION);
  app.add_option("--socket", options.socket, "management socket; its directory must not be writable by others")
      ->capture_default_str();
  app.add_option("--group", options.group, "members of this group may manage, too");
  app.add_option("--state-dir", options.state_dir, "where configuration, secrets and reservations are kept")
      ->capture_default_str();
  app.add_option("--config", options.config,
                 "TOML to begin with when nothing is stored yet; without it, a RAM disk and a file on 127.0.0.1:3260");
  app.add_option("--secrets", options.secrets, "secrets of the users in --config: a TOML file of mode 0600");
  app.add_option("--reactors", words.reactors, "data reactors: auto is one on each physical core")
      ->capture_default_str();
  app.add_option("--cores", words.cores, "cores for the data reactors, e.g. 0-3,8");
  app.add_option("--busy-poll", words.busy_poll, "microseconds to go on polling without work before sleeping")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_flag("--never-sleep", options.never_sleep, "poll for ever: lowest latency, each core fully used");
  app.add_option("--log-level", words.level, "debug, info, warn or error")
      ->check(CLI::IsMember(std::vector<std::string>{"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--log-format", words.format, "text, json (an object a line) or journal (with journald's priorities)")
      ->check(CLI::IsMember(std::vector<std::string>{"text", "json", "journal"}))
      ->capture_default_str();
  app.add_option("--grace", words.grace, "at the end: time for initiators to log out")->capture_default_str();
  app.add_option("--seccomp", words.seccomp, "system calls that it has no use for: refuse, kill (for tests) or off")
      ->check(CLI::IsMember(std::vector<std::string>{"refuse", "kill", "off"}))
      ->capture_default_str();
  app.add_flag("--foreground", foreground, "stay in the foreground, which is what it always does");
  app.add_option("--take-over", options.take_over)->group("");  // for the launcher, not for people
  bool man = false, man_config = false;
  app.add_flag("--man", man, "print this program's man page");
  app.add_flag("--man-config", man_config, "print the man page of its configuration");
  OptionsResult out;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    out.exit_code = app.exit(error, text, text) == 0 ? 0 : 2;
    out.output = text.str();
    return out;
  }
  if (man_config) return {std::nullopt, 0, config_page(OUTBOARD_VERSION)};
  if (man) return {std::nullopt, 0, man_page(grammar_of(app, {}), OUTBOARD_VERSION, kManEnd)};
  if (const auto understood = understand(words, options); !understood) {
    return {std::nullopt, 2, understood.error().text + "\n"};
  }
  out.options = std::move(options);
  return out;
}

}  // namespace ctl
