// Unit tests of outboardd's command line, its choice of cores and its built-in configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <set>

#include "ctl/config/toml.h"
#include "ctl/outboardd/config_page.h"
#include "ctl/outboardd/cores.h"
#include "ctl/outboardd/default_config.h"
#include "ctl/outboardd/notify.h"
#include "ctl/outboardd/options.h"
#include "ctl/outboardd/sandbox.h"
#include "ctl/outboardd/system_calls.h"

namespace ctl {
namespace {

OptionsResult parse(std::vector<const char*> words) {
  words.insert(words.begin(), "outboardd");
  return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(Options, Defaults) {
  const OptionsResult result = parse({});
  ASSERT_TRUE(result.options);
  EXPECT_EQ(result.options->reactors, 0u);
  EXPECT_EQ(result.options->busy_poll, std::chrono::microseconds(50));
  EXPECT_FALSE(result.options->never_sleep);
}

TEST(Options, EverythingGiven) {
  const OptionsResult result =
      parse({"--socket",      "/s",          "--group",    "g",       "--state-dir", "/d",          "--config",    "/c",
             "--secrets",     "/x",          "--reactors", "2",       "--cores",     "3,1",         "--busy-poll", "0",
             "--never-sleep", "--log-level", "debug",      "--grace", "250ms",       "--foreground"});
  ASSERT_TRUE(result.options) << result.output;
  EXPECT_THAT(result.options->cores, testing::ElementsAre(3, 1));
  EXPECT_EQ(result.options->grace, std::chrono::milliseconds(250));
  EXPECT_EQ(result.options->log_level, base::LogLevel::kDebug);
}

TEST(Options, LogFormat) {
  EXPECT_EQ(parse({}).options->log_format, base::LogFormat::kText);
  EXPECT_EQ(parse({"--log-format", "json"}).options->log_format, base::LogFormat::kJson);
  EXPECT_EQ(parse({"--log-format", "xml"}).exit_code, 2);
}

TEST(ConfigPage, EveryKeyThatIsReadIsExplained) {
  std::size_t keys = 0;
  for (const KnownSection& section : known_sections()) {
    EXPECT_FALSE(section.keys.empty()) << section.name;
    for (const std::string& key : section.keys) {
      ++keys;
      EXPECT_NE(help_of_key(section.name, key), "") << section.name << "." << key;
    }
  }
  EXPECT_GT(keys, 70u);
  const std::string page = parse({"--man-config"}).output;
  EXPECT_EQ(page.find("(?)"), std::string::npos);
  EXPECT_NE(page.find("[[lu]]"), std::string::npos);
  EXPECT_NE(page.find("[limits]"), std::string::npos);
}

TEST(Options, Seccomp) {
  EXPECT_EQ(parse({}).options->seccomp, Seccomp::kRefuse);
  EXPECT_EQ(parse({"--seccomp", "kill"}).options->seccomp, Seccomp::kKill);
  EXPECT_EQ(parse({"--seccomp", "maybe"}).exit_code, 2);
}

// How a child ends that gives up its rights and then does `act`, whose result is its exit code.
int confined(Seccomp mode, const std::function<int()>& act) {
  const pid_t child = fork();
  if (child == 0) _exit(drop_capabilities() && confine(mode) ? act() : 99);
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

bool refused(long result) { return result == -1 && errno == EPERM; }

TEST(Sandbox, AForbiddenCallIsRefusedOrEndsTheProcess) {
  const auto forbidden = [] { return refused(syscall(SYS_getsid, 0)) ? 3 : 4; };
  EXPECT_EQ(WEXITSTATUS(confined(Seccomp::kOff, forbidden)), 4);
  EXPECT_EQ(WEXITSTATUS(confined(Seccomp::kRefuse, forbidden)), 3);
  EXPECT_EQ(WTERMSIG(confined(Seccomp::kKill, forbidden)), SIGSYS);
}

TEST(Sandbox, ArgumentsCount) {
  const auto netlink = [] {
    return refused(socket(AF_NETLINK, SOCK_RAW, 0)) && socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 3 : 4;
  };
  EXPECT_EQ(WEXITSTATUS(confined(Seccomp::kOff, netlink)), 4);
  EXPECT_EQ(WEXITSTATUS(confined(Seccomp::kRefuse, netlink)), 3);
}

TEST(Sandbox, AnotherProgramIsNeverStarted) {
  const auto shell = [] { return execl("/bin/true", "true", nullptr) == -1 && errno == EPERM ? 3 : 4; };
  EXPECT_EQ(WEXITSTATUS(confined(Seccomp::kOff, shell)), 0);
  const int status = confined(Seccomp::kRefuse, shell);
  EXPECT_TRUE(kSanitized ? WEXITSTATUS(status) == 3 : WTERMSIG(status) == SIGSYS);
}

TEST(Sandbox, NoCapabilityIsLeft) {
  const auto chroots = [] { return chroot("/") == 0 ? 4 : 3; };
  EXPECT_EQ(WEXITSTATUS(confined(Seccomp::kOff, chroots)), 3);
}

// A socket that stands for systemd's.
class NotifySocket {
 public:
  NotifySocket() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_ = "@outboard-test-" + std::to_string(getpid());
    name_.copy(address.sun_path, name_.size());
    address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", name_.c_str(), 1);
  }
  std::string received() {
    char text[256];
    const ssize_t n = recv(fd_.get(), text, sizeof text, 0);
    return n < 0 ? "" : std::string(text, static_cast<std::size_t>(n));
  }

 private:
  base::Fd fd_;
  std::string name_;
};

TEST(Notify, SystemdHearsWhatIsSent) {
  NotifySocket systemd;
  const Notifier notifier = Notifier::from_environment();
  EXPECT_TRUE(notifier.active());
  EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr);
  notifier.send("READY=1");
  EXPECT_EQ(systemd.received(), "READY=1");
  EXPECT_FALSE(Notifier::from_environment().active());
  setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(Notifier::from_environment().active());
}

TEST(Notify, TheWatchdogIsFedOnlyWhenEveryReactorAnswers) {
  NotifySocket systemd;
  const Notifier notifier = Notifier::from_environment();
  base::ManualClock clock;
  hal::ReactorOptions options;
  options.clock = &clock;
  auto control = hal::Reactor::create(options), data = hal::Reactor::create(options);
  ASSERT_TRUE(control && data);
  const auto rounds = [&](hal::Reactor& reactor) {
    for (int i = 0; i < 4; ++i) reactor.run_once();
  };
  EXPECT_EQ(Watchdog::from_environment(**control, {data->get()}, notifier), nullptr);
  setenv("WATCHDOG_USEC", "2000000", 1);
  const auto watchdog = Watchdog::from_environment(**control, {data->get()}, notifier);
  ASSERT_NE(watchdog, nullptr);
  clock.advance(std::chrono::seconds(5));
  rounds(**control);
  EXPECT_EQ(systemd.received(), "");  // the other reactor is silent
  rounds(**data);
  rounds(**control);
  EXPECT_EQ(systemd.received(), "WATCHDOG=1");
  clock.advance(std::chrono::seconds(1));
  rounds(**control);
  rounds(**data);
  rounds(**control);
  EXPECT_EQ(systemd.received(), "WATCHDOG=1");
  EXPECT_EQ(systemd.received(), "");
}

TEST(Options, WrongOnes) {
  using Words = std::vector<const char*>;
  for (const Words& words : {Words{"--nothing"}, Words{"extra"}, Words{"--reactors", "0"}, Words{"--reactors", "many"},
                             Words{"--cores", "1-"}, Words{"--reactors", "3", "--cores", "0,1"},
                             Words{"--busy-poll", "-1"}, Words{"--log-level", "loud"}, Words{"--grace", "soon"}}) {
    const OptionsResult result = parse(words);
    EXPECT_FALSE(result.options);
    EXPECT_EQ(result.exit_code, 2) << words[0];
    EXPECT_FALSE(result.output.empty());
  }
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  EXPECT_THAT(parse({"--version"}).output, testing::StartsWith("outboardd "));
}

TEST(Cores, Lists) {
  EXPECT_THAT(parse_cores("0").value(), testing::ElementsAre(0));
  EXPECT_THAT(parse_cores("2-4,0,7").value(), testing::ElementsAre(2, 3, 4, 0, 7));
  for (const char* text : {"", ",", "1,", "1,,2", "a", "-1", "3-1", "1-2-3", "0,0", "1-3,2", "0x1", "4096", "1 2"}) {
    EXPECT_FALSE(parse_cores(text)) << text;
  }
}

TEST(Cores, AreChosenAmongThoseThatMayBeUsed) {
  const auto all = choose_cores(0);
  ASSERT_TRUE(all) << all.error().text;
  EXPECT_EQ(std::set<int>(all->begin(), all->end()).size(), all->size());
  EXPECT_TRUE(check_cores(*all));
  EXPECT_EQ(choose_cores(1).value().size(), 1u);
  EXPECT_FALSE(choose_cores(100'000));
  EXPECT_FALSE(check_cores({4095}));
}

TEST(DefaultConfig, IsGoodAndStaysOnThisMachine) {
  const auto config = parse_config(default_config("/tmp/a \"quoted\" place"), "built-in");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->logical_units.size(), 2u);
  EXPECT_EQ(config->logical_units[1].store.path, "/tmp/a \"quoted\" place/file0.img");
  for (const iscsi::Portal& portal : config->portals) EXPECT_THAT(portal.address, testing::StartsWith("127.0.0.1:"));
}

}  // namespace
}  // namespace ctl
