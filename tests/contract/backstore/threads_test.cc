// Several reactors on one backstore at once, each by a channel of its own. Run under the thread sanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
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
      for (const std::byte byte : read.data()) {
        wrong += keeps && byte != static_cast<std::byte>(index_ + 1);
      }
      Call again(StoreOp::kRead, at, kChunk);
      finish(*channel, again);
      for (const std::byte byte : again.data()) wrong += byte != std::byte{0};
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
  const auto store = medium.open();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kReactors; ++i) {
    threads.emplace_back([&, i] { Hammer(*store, i).run(GetParam().keeps_data, wrong); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

INSTANTIATE_TEST_SUITE_P(Stores, BackstoreThreads, testing::ValuesIn(all_stores()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace scsi::test
