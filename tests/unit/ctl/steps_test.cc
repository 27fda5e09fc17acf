// Unit tests of step sequences: order, undoing, limits.
#include "ctl/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"

namespace ctl {
namespace {

using std::chrono::seconds;

struct StepsTest : testing::Test {
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor = hal::Reactor::create([this] {
                                            hal::ReactorOptions options;
                                            options.clock = &clock;
                                            options.shuffle_seed = 1;
                                            return options;
                                          }())
                                              .value();
  Sequencer sequencer{*reactor};
  std::vector<std::string> order;
  std::optional<Sequencer::Outcome> outcome;
  std::vector<Done> held;

  Action does(const std::string& name, base::Result<void> result = {}) {
    return [this, name, result](Done done) {
      order.push_back(name);
      reactor->post_function([done = std::move(done), result] { done(result); });
    };
  }
  Action hangs(const std::string& name) {
    return [this, name](Done done) {
      order.push_back(name);
      held.push_back(std::move(done));
    };
  }
  void run(std::vector<Step> steps) {
    sequencer.run(std::move(steps), [this](Sequencer::Outcome result) { outcome = std::move(result); });
    settle();
  }
  void settle() {
    while (reactor->run_once()) {
    }
  }
};

TEST_F(StepsTest, RunInOrder) {
  run({{"a", seconds(1), does("a"), does("-a")}, {"b", seconds(1), does("b"), does("-b")}});
  ASSERT_TRUE(outcome && outcome->result);
  EXPECT_THAT(order, testing::ElementsAre("a", "b"));
  EXPECT_FALSE(sequencer.busy());
}

TEST_F(StepsTest, NoStepsAreDoneAtOnce) {
  run({});
  EXPECT_TRUE(outcome && outcome->result);
}

TEST_F(StepsTest, AFailureUndoesWhatWasDoneInReverse) {
  run({{"a", seconds(1), does("a"), does("-a")},
       {"b", seconds(1), does("b"), {}},
       {"c", seconds(1), does("c"), does("-c")},
       {"d", seconds(1), does("d", base::fail(base::Errc::kNoSpace, "it is full")), does("-d")},
       {"e", seconds(1), does("e"), does("-e")}});
  ASSERT_TRUE(outcome && !outcome->result);
  EXPECT_EQ(outcome->result.error().text, "d: it is full");
  EXPECT_EQ(outcome->result.error().code, base::Errc::kNoSpace);
  EXPECT_THAT(order, testing::ElementsAre("a", "b", "c", "d", "-c", "-a"));
}

TEST_F(StepsTest, AnOptionalFailureIsOnlyNoted) {
  run({{"a", seconds(1), does("a", base::fail(base::Errc::kIo, "no medium")), {}, true},
       {"b", seconds(1), does("b"), {}}});
  ASSERT_TRUE(outcome && outcome->result);
  EXPECT_THAT(outcome->notes, testing::ElementsAre("a: no medium"));
}

TEST_F(StepsTest, AStepThatDoesNotAnswerRunsOutOfTimeAndIsUndoneToo) {
  run({{"a", seconds(1), does("a"), does("-a")}, {"b", seconds(2), hangs("b"), does("-b")}});
  EXPECT_EQ(sequencer.current(), "b");
  clock.advance(seconds(1));
  settle();
  EXPECT_FALSE(outcome);
  clock.advance(seconds(1));
  settle();
  ASSERT_TRUE(outcome && !outcome->result);
  EXPECT_EQ(outcome->result.error().text, "b: no answer within 2s");
  EXPECT_THAT(order, testing::ElementsAre("a", "b", "-b", "-a"));
  const ExpectLog expect("came after its limit");
  held[0]({});
  settle();
}

TEST_F(StepsTest, WhatCannotBeUndoneIsSaid) {
  const ExpectLog expect("could not undo \"a\"");
  run({{"a", seconds(1), does("a"), does("-a", base::fail(base::Errc::kIo, "it is stuck"))},
       {"b", seconds(1), does("b", base::fail(base::Errc::kIo, "bad")), {}}});
  ASSERT_TRUE(outcome && !outcome->result);
  EXPECT_EQ(outcome->result.error().text, "b: bad\ncould not undo \"a\": it is stuck");
}

TEST_F(StepsTest, UndoingHasALimitToo) {
  const ExpectLog expect("could not undo \"a\": no answer within 1s");
  run({{"a", seconds(1), does("a"), hangs("-a")},
       {"b", seconds(1), does("b", base::fail(base::Errc::kIo, "bad")), {}}});
  EXPECT_EQ(sequencer.current(), "undo: a");
  clock.advance(seconds(1));
  settle();
  EXPECT_TRUE(outcome && !outcome->result);
}

TEST_F(StepsTest, AStepThatGetsFurtherHasItsLimitAnew) {
  std::uint64_t done = 0;
  run({{"a", seconds(1), hangs("a"), does("-a"), false, [&] { return Part{done, 100}; }}});
  for (int i = 0; i < 5; ++i) {
    done += 10;
    clock.advance(seconds(1));
    settle();
    EXPECT_FALSE(outcome);
    EXPECT_EQ(sequencer.bytes().done, done);
  }
  clock.advance(seconds(1));
  settle();
  ASSERT_TRUE(outcome && !outcome->result);
  EXPECT_EQ(outcome->result.error().text, "a: no answer within 1s");
  EXPECT_EQ(sequencer.bytes().of, 0u);
}

}  // namespace
}  // namespace ctl
