// What is remembered of writes and failed flushes, without any file.
#include "scsi_core/backstores/flush_state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"

namespace scsi {
namespace {

TEST(DirtyLog, NeverForgetsAnUnflushedByte) {
  base::SeededRandom random(3);
  for (int round = 0; round < 50; ++round) {
    DirtyLog log;
    std::vector<std::uint64_t> epoch_of(1000);  // by block
    std::uint64_t epoch = 1, flushed = 0;
    for (int step = 0; step < 400; ++step) {
      if (random.below(40) == 0) flushed = epoch++;
      const std::uint64_t from = random.below(990), to = from + 1 + random.below(10);
      log.add({from * 512, to * 512}, epoch, flushed);
      std::fill(epoch_of.begin() + static_cast<long>(from), epoch_of.begin() + static_cast<long>(to), epoch);
    }
    std::vector<bool> reported(1000);
    log.for_each_unflushed(flushed, [&](ByteRange range) {
      for (std::uint64_t at = range.from / 512; at < std::min<std::uint64_t>(1000, (range.to + 511) / 512); ++at) {
        reported[at] = true;
      }
    });
    for (std::size_t i = 0; i < 1000; ++i) EXPECT_TRUE(epoch_of[i] <= flushed || reported[i]) << i;
  }
}

TEST(DirtyLog, IsExactWhileItIsLittle) {
  DirtyLog log;
  for (std::uint64_t i = 0; i < 40; ++i) log.add({i << 30, (i << 30) + 512}, 1, 0);
  for (std::uint64_t i = 0; i < 1000; ++i) log.add({i * 512, i * 512 + 512}, 2, 0);  // one sequential writer
  std::uint64_t bytes = 0;
  log.for_each_unflushed(0, [&](ByteRange range) { bytes += range.to - range.from; });
  EXPECT_EQ(bytes, 40u * 512 + 1000 * 512);
  bytes = 0;
  log.for_each_unflushed(1, [&](ByteRange range) { bytes += range.to - range.from; });
  EXPECT_EQ(bytes, 1000u * 512);
}

TEST(DirtyLog, CanBeReadWhileItIsWritten) {
  DirtyLog log;
  std::atomic<std::uint64_t> added{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    base::SeededRandom random(5);
    for (std::uint64_t i = 1; !stop; ++i) {
      log.add({0, 512 * (1 + random.below(5))}, 1, 0);  // each holds byte 0
      log.add({random.below(1 << 20) * 512, std::uint64_t{1} << 40}, 1, 0);
      added = i;
    }
  });
  while (added < 1000) std::this_thread::yield();
  for (int i = 0; i < 2000; ++i) {
    bool first = false, wrong = false;
    log.for_each_unflushed(0, [&](ByteRange range) {
      first |= range.from == 0;
      wrong |= range.from >= range.to;
    });
    ASSERT_TRUE(first);
    ASSERT_FALSE(wrong);
  }
  stop = true;
  writer.join();
}

TEST(FlushState, SuspectsAreWhatWasNotFlushedUntilRewritten) {
  FlushState state;
  ChannelWrites writes;
  state.attach(writes);
  writes.dirty.add({0, 4096}, state.epoch(), state.flushed());
  state.succeeded(state.start());
  writes.dirty.add({8192, 16384}, state.epoch(), state.flushed());
  const std::uint64_t covers = state.start();
  writes.dirty.add({20480, 24576}, state.epoch(), state.flushed());  // completed after that flush was submitted
  state.succeeded(covers);
  state.failed();
  EXPECT_EQ(state.first_suspect({0, 20480}), std::nullopt);
  EXPECT_EQ(state.first_suspect({0, ~std::uint64_t{0}}), 20480u);
  state.rewritten({20480, 22528});
  EXPECT_EQ(state.first_suspect({0, ~std::uint64_t{0}}), 22528u);
  EXPECT_EQ(state.first_suspect({23000, 23001}), 23000u);
  state.cut(23552);
  EXPECT_EQ(state.first_suspect({23552, ~std::uint64_t{0}}), std::nullopt);
  state.rewritten({0, 1 << 20});
  EXPECT_FALSE(state.any_suspect());
  state.detach(writes);
}

TEST(FlushState, AChannelThatIsGoneLeavesItsUnflushedWritesBehind) {
  FlushState state;
  {
    ChannelWrites writes;
    state.attach(writes);
    writes.dirty.add({4096, 8192}, state.epoch(), state.flushed());
    state.detach(writes);
  }
  state.failed();
  EXPECT_EQ(state.first_suspect({0, 1 << 20}), 4096u);
  state.rewritten({0, 1 << 20});
  state.succeeded(state.start());
  state.failed();
  EXPECT_FALSE(state.any_suspect());
}

TEST(FlushState, RandomSuspectsMatchAVectorOfBools) {
  base::SeededRandom random(9);
  FlushState state;
  std::vector<bool> model(200);
  for (int step = 0; step < 2000; ++step) {
    const std::uint64_t from = random.below(199), to = from + 1 + random.below(200 - from);
    if (random.below(3) == 0) {
      ChannelWrites writes;
      state.attach(writes);
      writes.dirty.add({from, to}, state.epoch(), state.flushed());
      state.failed();
      state.succeeded(state.start());
      state.detach(writes);
      std::fill(model.begin() + static_cast<long>(from), model.begin() + static_cast<long>(to), true);
    } else {
      state.rewritten({from, to});
      std::fill(model.begin() + static_cast<long>(from), model.begin() + static_cast<long>(to), false);
    }
    const std::uint64_t a = random.below(199), b = a + 1 + random.below(200 - a);
    const auto found = std::find(model.begin() + static_cast<long>(a), model.begin() + static_cast<long>(b), true);
    const auto suspect = state.first_suspect({a, b});
    if (found == model.begin() + static_cast<long>(b)) {
      EXPECT_EQ(suspect, std::nullopt);
    } else {
      EXPECT_EQ(suspect, static_cast<std::uint64_t>(found - model.begin()));
    }
  }
}

}  // namespace
}  // namespace scsi
