// Randomized schedules: commands of every kind, task management functions, lost nexuses, held and reordered answers of
// port and medium, one to three reactors in one thread, all from a seed. What must hold at every step is checked by the
// Watch below, the rest by the loop port and the fake medium.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "base/random.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

constexpr std::size_t kActions = 80;
constexpr std::uint64_t kDefaultSeeds = 1500;

const LoopCommand& loop(const Command& command) { return *static_cast<const LoopCommand::Slot&>(command).owner; }

bool is_exclusive(const Command& command) { return command.core.row->serial >= Serial::kExclusiveRange; }

// The rules, checked as things happen.
class Watch {
 public:
  void observe(TestLog& log, test_support::FakeMedium& medium) {
    log.entered = [this](const Command& command) { entered(command); };
    medium.submitted = [this](const StoreRequest& request) { submitted(request); };
    medium.answering = [this](const StoreRequest& request) { at_medium_.erase(&request); };
  }
  void observe(test_support::LoopPort& port) {
    port.function_delivered = [this](LoopFunction& function) { delivered(function); };
    port.function_answered = [this](LoopFunction& function) { answered(function); };
  }
  void add(LoopNexus& nexus) { nexuses_.push_back(&nexus); }

 private:
  static bool begun(const LoopCommand& command) { return command.command.core.state != CommandState::kFree; }

  template <class Fn>
  void each_alive(Fn&& fn) {
    for (LoopNexus* nexus : nexuses_) {
      for (const auto& command : nexus->commands()) {
        if (begun(*command) && !command->reply.over) fn(*command);
      }
    }
  }

  void entered(const Command& command) {
    const LoopCommand& mine = loop(command);
    each_alive([&](const LoopCommand& other) {
      if (&other == &mine || other.command.core.lu != command.core.lu || other.command.core.aborted) return;
      const bool same_nexus = other.command.nexus == command.nexus;
      const bool older = same_nexus && other.command.tag < command.tag;
      const bool runs = running_.count(&other) != 0;
      const bool to_head = command.attribute == TaskAttribute::kHeadOfQueue;
      const bool other_to_head = other.command.attribute == TaskAttribute::kHeadOfQueue;
      if (command.attribute == TaskAttribute::kOrdered) {
        EXPECT_FALSE(older) << "ORDERED entered before an older command of its nexus had ended";
        EXPECT_TRUE(!runs || other_to_head) << "ORDERED entered beside a command that runs";
      }
      if (other.command.attribute == TaskAttribute::kOrdered && !to_head) {
        EXPECT_FALSE(older) << "a command entered before an older ORDERED one had ended";
        EXPECT_FALSE(runs) << "a command entered beside an ORDERED one that runs";
      }
      if (runs && (is_exclusive(command) || is_exclusive(other.command)) &&
          other.command.core.row->serial != Serial::kNone && command.core.row->serial != Serial::kNone) {
        EXPECT_FALSE(command.core.extent.overlaps(other.command.core.extent)) << "an exclusive command is not alone";
      }
    });
    running_.insert(&mine);
  }

  void submitted(const StoreRequest& request) {
    const Command& command = *static_cast<const Command*>(request.context);
    EXPECT_FALSE(loop(command).reply.over) << "a command that is over touches the medium";
    EXPECT_FALSE(command.core.aborted) << "a command that is aborted goes to the medium";
    at_medium_.insert(&request);
  }

  bool affects(const LoopFunction& function, const LoopCommand& command) const {
    const TaskManagement& asked = function.request;
    const bool same_nexus = command.command.nexus == asked.nexus;
    const bool same_lun = command.command.lun == asked.lun;
    switch (asked.function) {
      case TaskFunction::kAbortTask:
        return same_nexus && same_lun && command.command.tag == asked.tag;
      case TaskFunction::kAbortTaskSet:
        return same_nexus && same_lun;
      case TaskFunction::kClearTaskSet:
      case TaskFunction::kLogicalUnitReset:
        return same_lun;
      case TaskFunction::kTargetReset:
        return true;
      case TaskFunction::kITNexusReset:
        return same_nexus;
      default:
        return false;
    }
  }

  void delivered(LoopFunction& function) {
    // Affected for certain: what this reactor has got, and what others have got of the same nexus. What another reactor
    // gets at the same time may count as newer.
    each_alive([&](const LoopCommand& command) {
      if (affects(function, command)) affected_[&function].insert(&command);
    });
  }

  void answered(const LoopFunction& function) {
    const bool complete = *function.response == TmfResponse::kFunctionComplete;
    if (!complete && *function.response != TmfResponse::kTaskDoesNotExist) return;
    for (const LoopCommand* command : affected_[&function]) {
      EXPECT_TRUE(command->reply.over) << "answered with an affected command alive";
      EXPECT_EQ(at_medium_.count(&command->command.core.store), 0u) << "answered with the medium still in use";
      if (function.request.function != TaskFunction::kAbortTask) continue;
      const bool aborted = command->reply.dropped || command->reply.status == Status::kTaskAborted;
      EXPECT_EQ(aborted, complete) << "the answer to ABORT TASK does not fit what became of the task";
    }
  }

  std::vector<LoopNexus*> nexuses_;
  std::set<const LoopCommand*> running_;
  std::set<const StoreRequest*> at_medium_;
  std::map<const LoopFunction*, std::set<const LoopCommand*>> affected_;
};

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed) : random_(seed), reactors_(1 + random_.below(3)), bench_(reactors_, seed) {
    if (random_.below(2) == 0) bench_.log_a.lu->flags |= kLuTaskAborted;
    watch_.observe(bench_.log_a, bench_.medium_a);
    watch_.observe(bench_.log_b, bench_.medium_b);
    for (test_support::FakeMedium* medium : {&bench_.medium_a, &bench_.medium_b}) medium->shuffle = true;
    for (std::size_t i = 0; i < 4; ++i) login();
    for (LoopNexus* nexus : nexuses_) {
      bench_.target.clear_attentions(*nexus, 0);
      bench_.target.clear_attentions(*nexus, 1);
    }
  }

  void run() {
    for (std::size_t i = 0; i < kActions; ++i) {
      act();
      for (std::uint64_t steps = random_.below(6); steps > 0; --steps) {
        bench_.target.reactor(random_.below(reactors_)).run_once();
      }
    }
    let_everything_go();
    for (LoopNexus* nexus : nexuses_) {
      for (const auto& command : nexus->commands()) EXPECT_TRUE(command->reply.over) << "a command never ended";
    }
    EXPECT_EQ(bench_.medium_a.outstanding + bench_.medium_b.outstanding, 0u);
  }

 private:
  void login() {
    const std::size_t reactor = random_.below(reactors_);
    LoopNexus& nexus = bench_.target.login("iqn.test:" + std::to_string(nexuses_.size()), reactor);
    nexus.port().shuffle = true;
    watch_.observe(nexus.port());
    watch_.add(nexus);
    nexuses_.push_back(&nexus);
  }

  LoopNexus& some_nexus() { return *nexuses_[random_.below(nexuses_.size())]; }

  TaskAttribute some_attribute() {
    const std::uint64_t dice = random_.below(10);
    return dice < 7 ? TaskAttribute::kSimple : dice < 9 ? TaskAttribute::kOrdered : TaskAttribute::kHeadOfQueue;
  }

  Request some_request() {
    const auto lba = static_cast<std::uint32_t>(random_.below(6));
    Request request;
    switch (random_.below(9)) {
      case 0:
        request = {.cdb = exclusive_range(lba, 2), .in = 1024};
        break;
      case 1:
        request = {.cdb = exclusive()};
        break;
      case 2:
        request = {.cdb = home()};
        break;
      case 3:
        request = {.cdb = home_async()};
        break;
      case 4:
        request = {.cdb = chunked_read(lba, 3), .in = 1536};
        break;
      case 5:
      case 6:
        request = {.cdb = write_10(lba, 1), .out = std::vector<std::byte>(512)};
        break;
      default:
        request = {.cdb = read_10(lba, 1), .in = 512};
        break;
    }
    request.lun = random_.below(4) == 0 ? 1 : 0;
    request.attribute = some_attribute();
    return request;
  }

  void manage(LoopNexus& nexus) {
    constexpr TaskFunction kFunctions[] = {TaskFunction::kAbortTask,    TaskFunction::kAbortTask,
                                           TaskFunction::kAbortTask,    TaskFunction::kAbortTaskSet,
                                           TaskFunction::kClearTaskSet, TaskFunction::kLogicalUnitReset,
                                           TaskFunction::kTargetReset,  TaskFunction::kITNexusReset,
                                           TaskFunction::kQueryTask,    TaskFunction::kQueryTaskSet};
    const TaskFunction function = kFunctions[random_.below(std::size(kFunctions))];
    if (nexus.commands().empty()) return;
    std::size_t back = 1 + random_.below(std::min<std::size_t>(nexus.commands().size(), 8));
    while (back > 1 && nexus.commands()[nexus.commands().size() - back]->reply.over) --back;
    const LoopCommand& task = *nexus.commands()[nexus.commands().size() - back];
    nexus.manage(function, task.request.lun, &task);
  }

  void act() {
    LoopNexus& nexus = some_nexus();
    const std::uint64_t dice = random_.below(100);
    if (dice < 70) {
      if (!nexus.lost()) nexus.send(some_request());
    } else if (dice < 82) {
      if (!nexus.lost()) manage(nexus);
    } else if (dice < 84) {
      if (!nexus.lost()) nexus.lose();
      login();
    } else if (dice < 88) {
      bench_.medium_a.hold = !bench_.medium_a.hold;
    } else if (dice < 92) {
      nexus.port().hold_transfers = !nexus.port().hold_transfers;
    } else if (dice < 94) {
      nexus.port().hold_terminated = !nexus.port().hold_terminated;
    } else if (dice < 95) {
      nexus.port().fail_next(kProtocolServiceCrcError);
    } else if (dice < 96) {
      bench_.medium_a.next_status.push_back(StoreStatus::kMediumError);
    } else {
      finish_one_at_home();
    }
  }

  bool finish_one_at_home() {
    for (TestLog* log : {&bench_.log_a, &bench_.log_b}) {
      if (log->at_home.empty()) continue;
      const std::size_t index = random_.below(log->at_home.size());
      Command& command = *log->at_home[index];
      log->at_home.erase(log->at_home.begin() + static_cast<std::ptrdiff_t>(index));
      if (random_.below(3) == 0) {
        fail_at_home(command, Outcome::check(kInsufficientResources));
      } else {
        home_done(command);
      }
      return true;
    }
    return false;
  }

  void let_everything_go() {
    bench_.medium_a.hold = bench_.medium_b.hold = false;
    for (LoopNexus* nexus : nexuses_) nexus->port().hold_transfers = nexus->port().hold_terminated = false;
    do {
      bench_.target.settle();
    } while (finish_one_at_home());
  }

  base::SeededRandom random_;
  std::size_t reactors_;
  Bench bench_;
  Watch watch_;
  std::vector<LoopNexus*> nexuses_;
};

TEST(Schedule, EveryCommandEndsOnceAndNothingOutlivesATaskManagementAnswer) {
  const char* const wanted = std::getenv("OUTBOARD_SCHEDULES");
  const char* const only = std::getenv("OUTBOARD_SEED");
  const std::uint64_t seeds = wanted == nullptr ? kDefaultSeeds : std::strtoull(wanted, nullptr, 10);
  const std::uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  for (std::uint64_t seed = first; seed < (only == nullptr ? first + seeds : first + 1); ++seed) {
    Schedule(seed).run();
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed << "; repeat it with OUTBOARD_SEED";
  }
}

}  // namespace
}  // namespace scsi::engine_test
