// Whole runs from seeds: data are what they may be, every command ends, nothing follows what is over.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "tests/sim/scenario.h"
#include "tests/support/log_guard.h"

namespace sim {
namespace {

constexpr std::uint64_t kDefaultSeeds = 500;
constexpr std::uint64_t kMany = 100;  // seeds: whatever can happen happens in one of them

std::string current;  // seed, for a run that is ended by a broken promise
void tell_seed(int) {
  const std::string text = "in the run of OUTBOARD_SIM_SEED=" + current + "\n";
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

// Every other run has sessions with several connections.
bool several(std::uint64_t seed) { return number_from("OUTBOARD_SIM_CONNECTIONS", (seed + 1) % 2) != 0; }

constexpr base::Logger kLog("sim");

// What hosts that lose connections make the target say, or that leave an R2T unanswered while another waits for its
// connection. It need not come: we say it ourselves.
std::vector<std::unique_ptr<ExpectLog>> announce() {
  std::vector<std::unique_ptr<ExpectLog>> all;
  for (const char* line :
       {"no session to be had", "the session has ended", "NOP-In not answered in time",
        "the port has not answered within the limit", "responses not acknowledged in time", "the session is ending"}) {
    all.push_back(std::make_unique<ExpectLog>(line));
    kLog.warn("{}", line);
  }
  return all;
}

TEST(Sim, DataAreRightAndEveryCommandEnds) {
  std::signal(SIGABRT, tell_seed);
  const std::uint64_t only = number_from("OUTBOARD_SIM_SEED", 0);
  const std::uint64_t first = only != 0 ? only : number_from("OUTBOARD_SIM_FIRST", 1);
  const std::uint64_t count = only != 0 ? 1 : number_from("OUTBOARD_SIM_SEEDS", kDefaultSeeds);
  const auto announced = announce();
  Host::Counts counts;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    current = std::to_string(seed);
    Scenario run(seed, several(seed));
    run.go();
    counts += run.counts();
  }
  std::printf(
      "%lu commands GOOD; connections: %lu joined a session, %lu took the place of another; %lu commands sent "
      "again, %lu reassigned; %lu PDUs damaged, %lu SNACKs\n",
      counts.good, counts.joined, counts.reinstated, counts.sent_again, counts.reassigned, counts.damaged,
      counts.snacks);
  EXPECT_GT(counts.good, count * 15) << "hardly anything was served";
  if (count < kMany) return;
  if (several(first) || several(first + 1)) {
    EXPECT_GT(counts.joined, count / 4);
  }
  EXPECT_GT(counts.reinstated, count / 4);
  EXPECT_GT(counts.reassigned, count / 4);
  EXPECT_GT(counts.sent_again, count / 4);
  EXPECT_GT(counts.damaged, count);
}

TEST(Sim, TheSameSeedIsTheSameRun) {
  const auto announced = announce();
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    current = std::to_string(seed);
    Scenario one(seed, several(seed)), two(seed, several(seed));
    one.go();
    two.go();
    EXPECT_EQ(one.trace(), two.trace()) << seed;
  }
  Scenario other(6, true);
  other.go();
  Scenario again(8, true);
  again.go();
  EXPECT_NE(other.trace(), again.trace());
}

}  // namespace
}  // namespace sim
