// Unit tests of the reactor, its timers and its mailbox.
#include "hal/reactor.h"

#include <gtest/gtest.h>

#include <thread>

namespace hal {
namespace {

using std::chrono::milliseconds;

struct Fixture : testing::Test {
  base::ManualClock clock;
  std::unique_ptr<Reactor> reactor;
  void SetUp() override {
    ReactorOptions options;
    options.clock = &clock;
    options.shuffle_seed = 1;
    reactor = Reactor::create(options).value();
  }
};
using ReactorTest = Fixture;

struct Recorder {
  explicit Recorder(std::vector<int>& out, int value) : order(out), id(value) {}
  static void fired(void* context) {
    auto& self = *static_cast<Recorder*>(context);
    self.order.push_back(self.id);
  }
  std::vector<int>& order;
  int id;
  Timer timer{&Recorder::fired, this};
};

TEST_F(ReactorTest, TimersFireInOrderOfDeadline) {
  std::vector<int> order;
  std::vector<std::unique_ptr<Recorder>> all;
  for (const int i : {5, 1, 4, 2, 3}) {
    all.push_back(std::make_unique<Recorder>(order, i));
    all.back()->timer.arm(reactor->timers(), clock.now() + milliseconds(i));
  }
  all[2]->timer.disarm();  // 4
  reactor->run_once();
  EXPECT_TRUE(order.empty());
  clock.advance(milliseconds(10));
  reactor->run_once();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 5}));
}

struct Answer : Deferred {
  Answer(Reactor& r, int& n) : Deferred(&Answer::run), reactor(r), runs(n) {}
  static void run(Deferred& deferred) {
    auto& self = static_cast<Answer&>(deferred);
    if (++self.runs < 3) self.reactor.defer(self);
  }
  Reactor& reactor;
  int& runs;
};

TEST_F(ReactorTest, DeferredAnswerNeverRunsInsideTheCallThatPostedIt) {
  int runs = 0;
  Answer answer(*reactor, runs);
  reactor->defer(answer);
  EXPECT_EQ(runs, 0);
  reactor->run_once();
  EXPECT_EQ(runs, 1);  // posted again from inside: waits for the next round
  reactor->run_once();
  reactor->run_once();
  EXPECT_EQ(runs, 3);
}

struct Remover : Poller {
  bool poll() override {
    ++polls;
    if (victim != nullptr && victim->linked()) victim->unlink();
    return false;
  }
  Poller* victim = nullptr;
  int polls = 0;
};

TEST_F(ReactorTest, PollerMayRemoveAnyOther) {
  Remover first, second;
  first.victim = &second;
  second.victim = &first;
  reactor->add(first);
  reactor->add(second);
  reactor->run_once();
  EXPECT_EQ(first.polls + second.polls, 1);
  if (first.linked()) reactor->remove(first);
  if (second.linked()) reactor->remove(second);
}

TEST_F(ReactorTest, MessagesRunInTheOrderTheyWereSent) {
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) reactor->post_function([&order, i] { order.push_back(i); });
  reactor->run_once();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Reactor, SleepingReactorIsWokenByAMessageAndStops) {
  auto reactor = Reactor::create({.name = "sleeper", .busy_poll = base::Duration(0), .shuffle_seed = 1}).value();
  std::atomic<int> ran{0};
  std::thread thread([&] { reactor->run(); });
  for (int i = 0; i < 200; ++i) {
    reactor->post_function([&] { ran.fetch_add(1); });
    if (i % 10 == 0) std::this_thread::yield();
  }
  reactor->stop();
  thread.join();
  EXPECT_EQ(ran.load(), 200);
}

}  // namespace
}  // namespace hal
