// Files whose system calls go wrong: each fault has its one right answer (reliability cases F006 to F011).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/faulty_queue.h"
#include "tests/contract/backstore/stores.h"
#include "tests/support/log_guard.h"

namespace scsi::test {
namespace {

constexpr std::uint64_t kSize = 16 << 20;
constexpr auto kLost = "data written since the last good flush may be lost";

class FileFaults : public testing::TestWithParam<bool> {  // direct or through the page cache
 protected:
  FileFaults()
      : medium_({.name = "faulty",
                 .kind = BackstoreConfig::Kind::kFile,
                 .direct = GetParam(),
                 .make_queue = &FaultyQueue::create},
                kSize),
        bench_(medium_.open()) {}
  void fail(IoOp::Kind kind, int error, int times = 1) {
    faults_.hook = [=, left = times](const IoOp& op) mutable {
      if (op.kind != kind || left == 0) return Fault{};
      --left;
      return Fault{Fault::Kind::kError, error, 0};
    };
  }
  // Any call that touches this block fails.
  void bad_block(std::uint64_t block) {
    faults_.hook = [=](const IoOp& op) {
      std::uint64_t length = 0;
      for (std::uint32_t i = 0; i < op.iov_count; ++i) length += op.iov[i].iov_len;
      const bool touches = op.offset <= block * 512 && block * 512 < op.offset + length;
      return touches ? Fault{Fault::Kind::kError, EIO, 0} : Fault{};
    };
  }
  Faults faults_;
  Medium medium_;
  Bench bench_;
};

TEST_P(FileFaults, ShortTransfersGoOnWhereTheyStopped) {
  faults_.hook = [n = 0](const IoOp& op) mutable {
    return op.iov_count != 0 && ++n % 3 != 0 ? Fault{Fault::Kind::kShort, 0, 1024} : Fault{};
  };
  const Bytes data = pattern(65536, 1);
  ASSERT_EQ(bench_.write(4096, data), StoreStatus::kGood);
  EXPECT_EQ(bench_.read(4096, data.size()), data);
  EXPECT_GT(faults_.calls, 4u);
}

TEST_P(FileFaults, AByteCountThatIsNoWholeBlockIsNoReasonForAPartialGood) {
  faults_.hook = [n = 0](const IoOp& op) mutable {
    return op.kind == IoOp::Kind::kWrite && ++n == 1 ? Fault{Fault::Kind::kShort, 0, 1536} : Fault{};
  };
  const Bytes data = pattern(8192, 2);
  ASSERT_EQ(bench_.write(0, data), StoreStatus::kGood);
  EXPECT_EQ(bench_.read(0, data.size()), data);
}

TEST_P(FileFaults, InterruptedCallsAreMadeAgain) {
  for (const int error : {EINTR, EAGAIN, ENOMEM}) {
    const Bytes data = pattern(4096, static_cast<std::uint64_t>(error));
    fail(IoOp::Kind::kWrite, error, 5);
    EXPECT_EQ(bench_.write(8192, data), StoreStatus::kGood);
    fail(IoOp::Kind::kRead, error, 5);
    EXPECT_EQ(bench_.read(8192, data.size()), data);
    fail(IoOp::Kind::kAllocate, error, 5);
    EXPECT_EQ(bench_.simple(StoreOp::kUnmap, 8192, 4096), StoreStatus::kGood);
    if (error == ENOMEM) continue;  // fdatasync does not say that
    fail(IoOp::Kind::kDataSync, error, 5);
    EXPECT_EQ(bench_.flush(), StoreStatus::kGood);
  }
}

TEST_P(FileFaults, NothingIsTriedForEver) {
  fail(IoOp::Kind::kWrite, EAGAIN, 1'000'000);
  EXPECT_EQ(bench_.write(0, pattern(4096, 3)), StoreStatus::kMediumError);
  EXPECT_LT(faults_.calls, 10'000u);
}

TEST_P(FileFaults, InputOutputErrorsAreNarrowedToTheFirstBadBlock) {
  for (const std::uint64_t bad : {0u, 1u, 100u, 127u, 255u}) {
    bad_block(bad);
    Call read(StoreOp::kRead, 0, 256 * 512);
    bench_.submit(read);
    bench_.wait(read);
    EXPECT_EQ(read.status, StoreStatus::kMediumError);
    EXPECT_EQ(read.bad_offset, bad * 512);
    Call write(StoreOp::kWrite, 0, 256 * 512);
    std::memset(write.data().data(), 0, write.data().size());
    bench_.submit(write);
    bench_.wait(write);
    EXPECT_EQ(write.status, StoreStatus::kMediumError);
    EXPECT_EQ(write.bad_offset, bad * 512);
    Bytes good(512);
    EXPECT_EQ(bench_.read((bad + 1) * 512, good), StoreStatus::kGood);
  }
}

TEST_P(FileFaults, WhatIsBeforeTheBadBlockHasBeenRead) {
  const Bytes data = pattern(64 * 512, 4);
  ASSERT_EQ(bench_.write(0, data), StoreStatus::kGood);
  bad_block(40);
  Bytes back(data.size());
  EXPECT_EQ(bench_.read(0, back), StoreStatus::kMediumError);
  EXPECT_TRUE(std::equal(back.begin(), back.begin() + 40 * 512, data.begin()));
}

TEST_P(FileFaults, AnErrorThatIsGoneWhenTriedAgainIsNoError) {
  const Bytes data = pattern(65536, 5);
  fail(IoOp::Kind::kWrite, EIO, 3);
  EXPECT_EQ(bench_.write(0, data), StoreStatus::kGood);
  fail(IoOp::Kind::kRead, EIO, 3);
  EXPECT_EQ(bench_.read(0, data.size()), data);
}

TEST_P(FileFaults, AFullMediumAnswersNoSpaceAndStaysReadable) {
  const Bytes data = pattern(4096, 6);
  ASSERT_EQ(bench_.write(0, data), StoreStatus::kGood);
  for (const int error : {ENOSPC, EDQUOT, EFBIG}) {
    fail(IoOp::Kind::kWrite, error);
    EXPECT_EQ(bench_.write(1 << 20, data), StoreStatus::kNoSpace);
  }
  fail(IoOp::Kind::kAllocate, ENOSPC);
  EXPECT_EQ(bench_.simple(StoreOp::kWriteZeroes, 2 << 20, 65536), StoreStatus::kNoSpace);
  EXPECT_EQ(bench_.read(0, 4096), data);
}

TEST_P(FileFaults, ADeviceThatVanishedIsGone) {
  fail(IoOp::Kind::kRead, ENXIO);
  Bytes data(4096);
  EXPECT_EQ(bench_.read(0, data), StoreStatus::kGone);
  fail(IoOp::Kind::kWrite, ENODEV);
  EXPECT_EQ(bench_.write(0, data), StoreStatus::kGone);
}

TEST_P(FileFaults, AFileThatWasCutIsGoneFromThere) {
  ASSERT_EQ(bench_.write(0, pattern(1 << 20, 7)), StoreStatus::kGood);
  ASSERT_EQ(truncate(medium_.path().c_str(), 1 << 19), 0);
  Call read(StoreOp::kRead, (1 << 19) - 4096, 8192);
  bench_.submit(read);
  bench_.wait(read);
  EXPECT_EQ(read.status, StoreStatus::kGone);
  EXPECT_EQ(read.bad_offset, 1u << 19);
  EXPECT_EQ(bench_.read((1 << 19) - 4096, 4096).size(), 4096u);
  EXPECT_EQ(bench_.flush(), StoreStatus::kGone);
  EXPECT_EQ(bench_.simple(StoreOp::kFlush, 0, 4096), StoreStatus::kGood);
}

TEST_P(FileFaults, AFailedFlushIsRememberedUntilTheRangeIsWrittenAnew) {
  const Bytes data = pattern(4096, 8);
  ASSERT_EQ(bench_.write(0, data), StoreStatus::kGood);
  ASSERT_EQ(bench_.flush(), StoreStatus::kGood);
  ASSERT_EQ(bench_.write(65536, data), StoreStatus::kGood);
  ASSERT_EQ(bench_.write(1 << 20, data), StoreStatus::kGood);
  fail(IoOp::Kind::kDataSync, EIO);
  {
    ExpectLog expect(kLost);
    EXPECT_EQ(bench_.flush(), StoreStatus::kFlushFailed);
  }
  EXPECT_NE(bench_.store().describe().find("a flush failed"), std::string::npos);
  EXPECT_EQ(bench_.flush(), StoreStatus::kFlushFailed);                     // fdatasync is good again, the data is not
  EXPECT_EQ(bench_.simple(StoreOp::kFlush, 0, 65536), StoreStatus::kGood);  // flushed before
  Call part(StoreOp::kFlush, 65536 + 512, 1 << 20);
  bench_.submit(part);
  bench_.wait(part);
  EXPECT_EQ(part.status, StoreStatus::kFlushFailed);
  EXPECT_EQ(part.bad_offset, 65536u + 512);
  ASSERT_EQ(bench_.write(65536, data), StoreStatus::kGood);
  EXPECT_EQ(bench_.flush(), StoreStatus::kFlushFailed);
  ASSERT_EQ(bench_.simple(StoreOp::kUnmap, 1 << 20, 4096), StoreStatus::kGood);
  EXPECT_EQ(bench_.flush(), StoreStatus::kGood);
  EXPECT_EQ(bench_.store().describe().find("a flush failed"), std::string::npos);
}

TEST_P(FileFaults, AFailedFlushOfOneReactorFailsThatOfAnother) {
  Bench& first = bench_;
  auto reactor = hal::Reactor::create({.name = "other"}).value();
  auto channel = first.store().open_channel(*reactor).value();
  Call write(StoreOp::kWrite, 8192, 4096);
  std::memset(write.data().data(), 1, 4096);
  channel->submit(write);
  const auto finish = [&](Call& call) {
    for (int i = 0; i < 1'000'000 && call.answers == 0; ++i) reactor->run_once();
    ASSERT_EQ(call.answers, 1);
  };
  finish(write);
  fail(IoOp::Kind::kDataSync, EIO);
  {
    ExpectLog expect(kLost);
    EXPECT_EQ(first.flush(), StoreStatus::kFlushFailed);
  }
  Call flush(StoreOp::kFlush, 0, 0);
  channel->submit(flush);
  finish(flush);
  EXPECT_EQ(flush.status, StoreStatus::kFlushFailed);
  EXPECT_EQ(flush.bad_offset, 8192u);
  channel.reset();
  EXPECT_EQ(first.flush(), StoreStatus::kFlushFailed);
  EXPECT_EQ(first.write(8192, Bytes(4096)), StoreStatus::kGood);
  EXPECT_EQ(first.flush(), StoreStatus::kGood);
}

TEST_P(FileFaults, AWriteInFlightWhileAFlushFailsIsDoneAgain) {
  faults_.hook = [](const IoOp& op) {
    if (op.kind == IoOp::Kind::kWrite) return Fault{Fault::Kind::kHold, 0, 0};
    return op.kind == IoOp::Kind::kDataSync ? Fault{Fault::Kind::kError, EIO, 0} : Fault{};
  };
  Call write(StoreOp::kWrite, 0, 4096);
  std::memset(write.data().data(), 9, 4096);
  bench_.submit(write);
  {
    ExpectLog expect(kLost);
    EXPECT_EQ(bench_.flush(), StoreStatus::kFlushFailed);
  }
  const std::uint64_t calls = faults_.calls;
  faults_.hook = nullptr;
  faults_.release();
  bench_.wait(write);
  EXPECT_EQ(write.status, StoreStatus::kGood);
  EXPECT_EQ(faults_.calls, calls + 1);
  EXPECT_EQ(bench_.flush(), StoreStatus::kGood);
}

TEST_P(FileFaults, ForceUnitAccessFailsWithItsFlush) {
  // A write with FUA is one call in direct mode, a write and a flush through the page cache.
  faults_.hook = [](const IoOp& op) {
    const bool stable = op.kind == IoOp::Kind::kDataSync || op.data_sync;
    return stable ? Fault{Fault::Kind::kError, EIO, 0} : Fault{};
  };
  const Bytes data = pattern(4096, 10);
  {
    ExpectLog expect(kLost);
    EXPECT_EQ(bench_.write(0, data, true), StoreStatus::kFlushFailed);
  }
  faults_.hook = nullptr;
  EXPECT_EQ(bench_.flush(), StoreStatus::kFlushFailed);
  EXPECT_EQ(bench_.write(0, data, true), StoreStatus::kGood);
  EXPECT_EQ(bench_.flush(), StoreStatus::kGood);
}

TEST_P(FileFaults, NoGoodBeforeTheFlushIsOver) {
  faults_.hook = [](const IoOp& op) {
    return op.kind == IoOp::Kind::kDataSync || op.data_sync ? Fault{Fault::Kind::kHold, 0, 0} : Fault{};
  };
  Call flush(StoreOp::kFlush, 0, 0), write(StoreOp::kWrite, 0, 4096), read(StoreOp::kRead, 0, 4096);
  std::memset(write.data().data(), 9, 4096);
  write.fua = true;
  bench_.submit(write);
  bench_.submit(flush);
  bench_.submit(read);
  bench_.wait(read);
  bench_.rounds(2000);
  EXPECT_EQ(flush.answers, 0);
  EXPECT_EQ(write.answers, 0);
  faults_.hook = nullptr;
  faults_.release();
  bench_.wait(flush);
  bench_.wait(write);
  EXPECT_EQ(flush.status, StoreStatus::kGood);
  EXPECT_EQ(write.status, StoreStatus::kGood);
}

TEST_P(FileFaults, FlushesAskedForMeanwhileShareTheNext) {
  faults_.hook = [](const IoOp& op) {
    return op.kind == IoOp::Kind::kDataSync ? Fault{Fault::Kind::kHold, 0, 0} : Fault{};
  };
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(std::make_unique<Call>(StoreOp::kFlush, 0, 0));
    bench_.submit(*calls.back());
  }
  bench_.rounds(10);
  faults_.hook = nullptr;
  faults_.release();
  for (auto& call : calls) {
    bench_.wait(*call);
    EXPECT_EQ(call->status, StoreStatus::kGood);
  }
  EXPECT_EQ(faults_.flushes, 2u);
}

TEST_P(FileFaults, WhatTheFileSystemCannotDoIsDoneAnotherWay) {
  faults_.hook = [](const IoOp& op) {
    const bool missing = op.kind == IoOp::Kind::kAllocate || op.data_sync;
    return missing ? Fault{Fault::Kind::kError, EOPNOTSUPP, 0} : Fault{};
  };
  const Bytes data = pattern(8 << 20, 11);
  ASSERT_EQ(bench_.write(0, data, true), StoreStatus::kGood);
  ASSERT_EQ(bench_.simple(StoreOp::kUnmap, 512, 1 << 20), StoreStatus::kGood);
  ASSERT_EQ(bench_.simple(StoreOp::kWriteZeroes, 2 << 20, 5 << 20, true), StoreStatus::kGood);
  Bytes expected = data;
  std::memset(expected.data() + 512, 0, 1 << 20);
  std::memset(expected.data() + (2 << 20), 0, 5 << 20);
  EXPECT_EQ(bench_.read(0, data.size()), expected);
}

TEST_P(FileFaults, CompletionsMayComeInAnyOrder) {
  faults_.hook = [](const IoOp& op) {
    return op.kind == IoOp::Kind::kWrite ? Fault{Fault::Kind::kHold, 0, 0} : Fault{};
  };
  std::vector<std::unique_ptr<Call>> calls;
  for (std::uint64_t i = 0; i < 100; ++i) {
    calls.push_back(std::make_unique<Call>(StoreOp::kWrite, i * 8192, 4096));
    std::memset(calls.back()->data().data(), static_cast<int>(i), 4096);
    bench_.submit(*calls.back());
  }
  bench_.rounds(5);
  ASSERT_EQ(faults_.held.size(), 100u);
  std::reverse(faults_.held.begin(), faults_.held.end());
  faults_.hook = nullptr;
  faults_.release();
  for (std::uint64_t i = 0; i < 100; ++i) {
    bench_.wait(*calls[i]);
    EXPECT_EQ(bench_.read(i * 8192, 4096), Bytes(4096, static_cast<std::byte>(i)));
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, FileFaults, testing::Values(true, false),
                         [](const auto& way) { return way.param ? "Direct" : "Cached"; });

}  // namespace
}  // namespace scsi::test
