// Whole runs from seeds: data are what they may be, every command ends, nothing follows what is over.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/host.h"
#include "tests/support/log_guard.h"
#include "tests/support/require.h"

namespace sim {
namespace {

constexpr std::uint64_t kDefaultSeeds = 500;
constexpr int kSteps = 150;

// Sessions of several connections, which are lost, cut and reinstated: by hand, until what seed 79 finds is understood.
const bool several = std::getenv("OUTBOARD_SIM_CONNECTIONS") != nullptr;

std::string current;  // seed, for a run that is ended by a broken promise
void tell_seed(int) {
  const std::string text = "in the run of OUTBOARD_SIM_SEED=" + current + "\n";
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
}

class Scenario {
 public:
  explicit Scenario(std::uint64_t seed) : random_(seed), world_(seed) {
    shared_.settle = [this] { settle(); };
    for (std::uint8_t i = 1; i <= 3; ++i) hosts_.push_back(std::make_unique<Host>(shared_, i));
    for (const auto& host : hosts_) host->connect();
  }

  void go() {
    for (int i = 0; i < kSteps; ++i) {
      step(*hosts_[random_.below(hosts_.size())]);
      if (random_.below(4) != 0) settle();
    }
    come_to_rest();
    for (const auto& host : hosts_) host->connect();  // whatever was lost on the way is over now
    for (std::uint32_t lba = 0; lba < 128; lba += 32) hosts_[0]->verify(0, lba, 32);
    for (std::uint32_t lba = 0; lba < 80; lba += 8) hosts_[0]->verify(1, lba, 8);
    world_.require_online();
  }
  std::uint64_t trace() const {
    std::uint64_t all = 0;
    for (const auto& host : hosts_) all = all * 31 + host->trace();
    return all;
  }
  Host::Connections connections() const {
    Host::Connections all;
    for (const auto& host : hosts_) {
      all.joined += host->connections().joined;
      all.reinstated += host->connections().reinstated;
      all.sent_again += host->connections().sent_again;
    }
    return all;
  }
  std::uint64_t good() const {
    std::uint64_t all = 0;
    for (const auto& host : hosts_) all += host->good();
    return all;
  }

 private:
  void step(Host& host) {
    if (!host.connected()) {
      host.connect();
      settle();
    }
    if (host.dark() && random_.below(4) == 0) return host.recover();
    const std::uint64_t what = random_.below(100);
    if (what < 30) return host.write();
    if (what < 55) return host.read();
    if (what < 76) return host.answer_r2t();
    if (what < 82) return host.abort_one();
    if (what < 84) return host.manage(2);  // ABORT TASK SET
    if (what < 86) return host.manage(4);  // CLEAR TASK SET
    if (what < 88) return host.manage(5);  // LOGICAL UNIT RESET
    if (what < 90) return host.connect();  // breaks off and comes back
    if (what < 91) return host.log_out();
    if (what < 96 && !several) return host.read();
    if (what < 94) return host.join();
    if (what < 95) return host.cut();
    if (what < 96) return host.recover();
    if (what < 99) return operate();
    return world_.advance(std::chrono::milliseconds(random_.below(2000)));
  }

  void operate() {
    switch (random_.below(8)) {
      case 0:
        for (const auto& host : hosts_) host->unit_went_away(1);
        world_.map(false);
        return;
      case 1:
        return world_.map(true);
      case 2:
        return world_.log_out_all(std::chrono::seconds(random_.below(3)));
      default:
        return world_.inject(static_cast<std::uint8_t>(random_.below(256)) & 0x7f);
    }
  }

  void settle() {
    for (int i = 0; i < 3; ++i) {  // what a host reads lets the target go on
      world_.settle();
      for (const auto& host : hosts_) host->listen();
    }
    shared_.arrived = shared_.clock;
    for (const auto& host : hosts_) {
      for (const Ended& ended : host->take_ended()) {
        for (const auto& other : hosts_) other->others_function(ended, other == host);
      }
    }
    for (const auto& host : hosts_) host->explain_unknown();
  }

  // Everything that waits for data gets them; everything that is held up ends within its limit.
  void come_to_rest() {
    world_.map(true);
    for (const auto& host : hosts_) {
      while (host->dark()) host->recover();
    }
    for (int second = 0; second < 200; ++second) {
      settle();
      bool idle = true;
      for (const auto& host : hosts_) {
        if (!host->connected()) continue;
        host->answer_r2t();
        idle = idle && host->idle();
      }
      if (idle) return;
      if (second > 20) world_.advance(std::chrono::seconds(1));
    }
    for (const auto& host : hosts_) {
      if (host->connected() && !host->may_stay_unanswered()) BROKEN(("never answered:" + host->pending()).c_str());
    }
  }

  base::SeededRandom random_;
  SessionWorld world_;
  Media media_{MediumOracle(512, 2048), MediumOracle(4096, 256)};
  Shared shared_{world_, media_, random_, 0, 0, {}};
  std::vector<std::unique_ptr<Host>> hosts_;
};

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

TEST(Sim, DataAreRightAndEveryCommandEnds) {
  std::signal(SIGABRT, tell_seed);
  const std::uint64_t only = number_from("OUTBOARD_SIM_SEED", 0);
  const std::uint64_t last = only != 0 ? only : number_from("OUTBOARD_SIM_SEEDS", kDefaultSeeds);
  std::uint64_t good = 0;
  Host::Connections connections;
  // Who joins a session whose end a cut connection has kept from it; not in every run.
  std::optional<ExpectLog> refused;
  if (only == 0 && several) refused.emplace("no session to be had");
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
    current = std::to_string(seed);
    Scenario run(seed);
    run.go();
    good += run.good();
    connections.joined += run.connections().joined;
    connections.reinstated += run.connections().reinstated;
    connections.sent_again += run.connections().sent_again;
  }
  std::printf("%lu commands GOOD; %lu connections joined a session, %lu took the place of another, %lu sent again\n",
              good, connections.joined, connections.reinstated, connections.sent_again);
  EXPECT_GT(good, (only != 0 ? 1 : last) * 20) << "hardly anything was served";
}

TEST(Sim, TheSameSeedIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Scenario one(seed), two(seed);
    one.go();
    two.go();
    EXPECT_EQ(one.trace(), two.trace()) << seed;
  }
  Scenario other(6);
  other.go();
  Scenario again(7);
  again.go();
  EXPECT_NE(other.trace(), again.trace());
}

}  // namespace
}  // namespace sim
