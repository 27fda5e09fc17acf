// After GOOD to a flush or a FUA write the data is on the medium, however the kernel loses data and forgets that it
// did.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/fake_kernel.h"
#include "tests/contract/backstore/stores.h"
#include "tests/support/log_guard.h"

namespace scsi::test {
namespace {

constexpr std::uint64_t kBlocks = FakeKernel::kBlocks;

// Two reactors on one store; each block has at most one write in flight, so its acknowledged version is clear.
class LossyRun {
 public:
  LossyRun(std::uint64_t seed, bool direct)
      : kernel_(seed),
        random_(seed ^ 0x5eed),
        medium_({.name = "lossy",
                 .kind = BackstoreConfig::Kind::kFile,
                 .direct = direct,
                 .make_queue = &FakeKernel::make_queue},
                kBlocks * FakeKernel::kBlock),
        store_(medium_.open()) {
    for (Side& side : sides_) {
      side.reactor = hal::Reactor::create({.name = "lossy", .shuffle_seed = seed | 1}).value();
      side.channel = store_->open_channel(*side.reactor).value();
    }
  }
  ~LossyRun() {
    for (Side& side : sides_) side.channel.reset();
  }
  int losses() const { return kernel_.losses; }
  int goods = 0;

  void run(int operations) {
    for (int i = 0; i < operations; ++i) {
      while (calls_.size() < 8) start();
      turn();
    }
    finish();
    // A kernel that works again: writing everything anew makes everything stable.
    kernel_.failing = false;
    flush(0, 0);  // takes the blame for what was lost and not told
    finish();
    for (std::uint64_t block = 0; block < kBlocks; ++block) write(block, 1, false);
    finish();
    const int before = goods;
    flush(0, 0);
    finish();
    EXPECT_EQ(goods, before + 1) << "a flush failed though everything had been written anew";
  }

 private:
  struct Side {
    std::unique_ptr<hal::Reactor> reactor;
    std::unique_ptr<StoreChannel> channel;
  };
  struct Pending {
    explicit Pending(std::unique_ptr<Call> made) : call(std::move(made)) {}
    std::unique_ptr<Call> call;
    std::vector<std::uint64_t> promised;  // by block: what GOOD promises to be stable
  };

  void start() {
    const std::uint64_t block = random_.below(kBlocks),
                        count = 1 + random_.below(std::min<std::uint64_t>(4, kBlocks - block));
    const std::uint64_t kind = random_.below(8);
    if (kind == 0) return flush(0, 0);
    if (kind == 1) return flush(block, count);
    for (std::uint64_t i = block; i < block + count; ++i) {
      if (busy_[i]) return;
    }
    write(block, count, kind == 2);
  }
  void flush(std::uint64_t block, std::uint64_t count) {
    auto& pending = submit(std::make_unique<Call>(StoreOp::kFlush, block * 512, count * 512), false);
    pending.promised = acknowledged_;
    for (std::uint64_t i = 0; count != 0 && i < kBlocks; ++i) {
      if (i < block || i >= block + count) pending.promised[i] = 0;
    }
    go();
  }
  void write(std::uint64_t block, std::uint64_t count, bool fua) {
    auto& pending = submit(std::make_unique<Call>(StoreOp::kWrite, block * 512, count * 512), fua);
    pending.promised.assign(kBlocks, 0);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t version = ++version_;
      std::memcpy(pending.call->data().data() + i * 512, &version, sizeof version);
      pending.promised[block + i] = version;
      busy_[block + i] = true;
    }
    go();
  }
  Pending& submit(std::unique_ptr<Call> call, bool fua) {
    call->fua = fua;
    calls_.emplace_back(std::move(call));
    return calls_.back();
  }
  void go() { sides_[random_.below(2)].channel->submit(*calls_.back().call); }

  void turn() {
    for (int i = 0; i < 3; ++i) kernel_.step();
    sides_[random_.below(2)].reactor->run_once();
    for (std::size_t i = 0; i < calls_.size();) {
      if (calls_[i].call->answers == 0) {
        ++i;
        continue;
      }
      answered(calls_[i]);
      calls_.erase(calls_.begin() + static_cast<long>(i));
    }
  }
  void answered(const Pending& pending) {
    const Call& call = *pending.call;
    const bool good = call.status == StoreStatus::kGood;
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      if (pending.promised[i] == 0) continue;
      if (call.op == StoreOp::kWrite) busy_[i] = false;
      // A write that was refused may have reached the cache all the same: what counts is what was promised last.
      if (call.op == StoreOp::kWrite && good) acknowledged_[i] = pending.promised[i];
      if (good && (call.fua || call.op == StoreOp::kFlush)) {
        EXPECT_GE(kernel_.stable(i), pending.promised[i]) << "block " << i << ": GOOD, and the data is lost";
      }
    }
    goods += good && call.op == StoreOp::kFlush;
  }
  void finish() {
    for (int i = 0; i < 100'000 && !calls_.empty(); ++i) turn();
    ASSERT_TRUE(calls_.empty()) << "requests without an answer";
  }

  FakeKernel kernel_;
  base::SeededRandom random_;
  Medium medium_;
  std::unique_ptr<Backstore> store_;
  std::array<Side, 2> sides_;
  std::vector<Pending> calls_;
  std::vector<std::uint64_t> acknowledged_ = std::vector<std::uint64_t>(kBlocks);
  std::vector<bool> busy_ = std::vector<bool>(kBlocks);
  std::uint64_t version_ = 0;
};

class Lossy : public testing::TestWithParam<bool> {};

TEST_P(Lossy, NoGoodFlushCoversLostData) {
  ExpectLog expect("data written since the last good flush may be lost");
  base::set_log_level(base::LogLevel::kOff);  // thousands of them
  int losses = 0, goods = 0;
  const char* const more = std::getenv("OUTBOARD_SEEDS");  // by hand, for a long search
  const std::uint64_t seeds = more != nullptr ? std::strtoull(more, nullptr, 10) : 200;
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LossyRun run(seed, GetParam());
    run.run(400);
    losses += run.losses();
    goods += run.goods;
  }
  base::set_log_level(base::LogLevel::kWarn);
  EXPECT_GT(losses, 300);
  EXPECT_GT(goods, 3000);
}

INSTANTIATE_TEST_SUITE_P(Ways, Lossy, testing::Values(true, false),
                         [](const auto& way) { return way.param ? "Direct" : "Cached"; });

}  // namespace
}  // namespace scsi::test
