// Several reactors on one backstore at once, each by a channel of its own. Run under the thread sanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <future>
#include <thread>

#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/stores.h"

namespace scsi::test {
namespace {

constexpr std::uint64_t kChunk = 16384;
constexpr std::uint64_t kChunks = 512;
constexpr int kReactors = 4;

// Takes every kReactors-th chunk: neighbours in one word of any page map belong to different reactors.
class Hammer {
 public:
  Hammer(Backstore& store, std::uint64_t index)
      : reactor_(hal::Reactor::create({.name = "hammer"}).value()), index_(index), store_(store) {}
  void run(bool keeps, std::atomic<int>& wrong) {
    auto channel = store_.open_channel(*reactor_).value();
    base::SeededRandom random(index_);
    for (int step = 0; step < 300; ++step) {
      const std::uint64_t at = (random.below(kChunks / kReactors) * kReactors + index_) * kChunk;
      Call write(StoreOp::kWrite, at, kChunk);
      std::memset(write.data().data(), static_cast<int>(index_ + 1), kChunk);
      Call read(StoreOp::kRead, at, kChunk);
      Call unmap(StoreOp::kUnmap, at, kChunk);
      for (Call* call : {&write, &read, &unmap}) finish(*channel, *call);
      if (keeps) wrong += std::memcmp(read.data().data(), write.data().data(), kChunk) != 0;
      Call again(StoreOp::kRead, at, kChunk);
      finish(*channel, again);
      wrong += std::memcmp(again.data().data(), Bytes(kChunk).data(), kChunk) != 0;
      if (step % 3 == 0) finish(*channel, write);
    }
  }

 private:
  void finish(StoreChannel& channel, Call& call) {
    call.answers = 0;
    channel.submit(call);
    const base::RealClock clock;
    const base::Time until = clock.now() + std::chrono::seconds(60);
    while (call.answers == 0) {
      reactor_->run_once();
      ASSERT_LT(clock.now(), until) << "no answer to a request within the limit";
    }
    EXPECT_EQ(call.status, StoreStatus::kGood);
  }
  std::unique_ptr<hal::Reactor> reactor_;
  std::uint64_t index_;
  Backstore& store_;
};

class BackstoreThreads : public testing::TestWithParam<StoreKind> {};

TEST_P(BackstoreThreads, ReactorsShareAMediumWithoutHarm) {
  Medium medium(GetParam(), kChunks * kChunk);
  if (!medium.possible()) GTEST_SKIP() << "no permission to make such a medium";
  const auto store = medium.open();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kReactors; ++i) {
    threads.emplace_back([&, i] { Hammer(*store, i).run(GetParam().keeps_data, wrong); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

// The reactor sleeps at once when it is idle: only the medium's answer can wake it.
TEST_P(BackstoreThreads, AnAnswerWakesASleepingReactor) {
  Medium medium(GetParam(), 1 << 20);
  if (!medium.possible()) GTEST_SKIP() << "no permission to make such a medium";
  const auto store = medium.open();
  auto reactor = hal::Reactor::create({.name = "sleeper", .busy_poll = base::Duration::zero()}).value();
  std::thread thread([&] { reactor->run(); });
  std::unique_ptr<StoreChannel> channel;
  for (int i = 0; i < 60; ++i) {
    Call call(i % 3 == 2 ? StoreOp::kFlush : i % 3 == 1 ? StoreOp::kRead : StoreOp::kWrite, 0, 4096);
    if (call.op == StoreOp::kWrite) std::memset(call.data().data(), i, 4096);
    std::promise<StoreStatus> answer;
    call.context = &answer;
    call.done = [](StoreRequest& request) {
      static_cast<std::promise<StoreStatus>*>(request.context)->set_value(request.status);
    };
    reactor->post_function([&] {
      if (channel == nullptr) channel = store->open_channel(*reactor).value();
      channel->submit(call);
    });
    auto answered = answer.get_future();
    ASSERT_EQ(answered.wait_for(std::chrono::seconds(20)), std::future_status::ready) << "asleep for ever";
    EXPECT_EQ(answered.get(), StoreStatus::kGood);
  }
  reactor->post_function([&] { channel.reset(); });
  reactor->stop();
  thread.join();
}

INSTANTIATE_TEST_SUITE_P(Stores, BackstoreThreads, testing::ValuesIn(all_stores()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace scsi::test
