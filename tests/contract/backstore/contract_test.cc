// What every backstore promises, as scsi_core/backstore.h says it.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/stores.h"

namespace scsi::test {
namespace {

constexpr std::uint64_t kSize = std::uint64_t{64} << 20;

class BackstoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    if (!medium_.possible()) GTEST_SKIP() << "no permission to make such a medium";
    opened_ = std::make_unique<Bench>(medium_.open());
  }
  Bench& bench() { return *opened_; }
  Medium medium_{GetParam(), kSize};
  std::unique_ptr<Bench> opened_;
  std::uint64_t block_ = GetParam().block_size;
  bool keeps() const { return GetParam().keeps_data; }
};

TEST_P(BackstoreContract, GeometryIsWhatWasAskedFor) {
  const StoreGeometry geometry = bench().store().geometry();
  EXPECT_EQ(geometry.block_size, block_);
  EXPECT_EQ(geometry.blocks, kSize / block_);
  EXPECT_EQ(geometry.thin, GetParam().thin);
  EXPECT_GE(geometry.unmap_granularity, 1u);
  EXPECT_FALSE(bench().store().describe().empty());
}

TEST_P(BackstoreContract, FreshMediumReadsAsZeros) {
  EXPECT_EQ(bench().read(0, 65536), Bytes(65536));
  EXPECT_EQ(bench().read(kSize - 4096, 4096), Bytes(4096));
}

TEST_P(BackstoreContract, ReadsWhatWasWritten) {
  if (!keeps()) GTEST_SKIP() << "keeps nothing";
  const Bytes data = pattern(8 * block_, 1);
  ASSERT_EQ(bench().write(3 * block_, data), StoreStatus::kGood);
  EXPECT_EQ(bench().read(3 * block_, data.size()), data);
  EXPECT_EQ(bench().read(2 * block_, block_), Bytes(block_));
  EXPECT_EQ(bench().read(11 * block_, block_), Bytes(block_));
  ASSERT_EQ(bench().write(kSize - block_, pattern(block_, 2)), StoreStatus::kGood);
  EXPECT_EQ(bench().read(kSize - block_, block_), pattern(block_, 2));
}

TEST_P(BackstoreContract, SegmentsMayBeManyAndOfAnySize) {
  if (!keeps()) GTEST_SKIP() << "keeps nothing";
  const Bytes data = pattern(256 * block_, 3);
  std::vector<std::size_t> whole, odd;
  for (std::size_t at = block_; at < data.size(); at += 5 * block_) whole.push_back(at);
  for (std::size_t at = 7; at < data.size(); at += 3001) odd.push_back(at);
  ASSERT_EQ(bench().write(block_, data, false, whole), StoreStatus::kGood);
  Bytes back(data.size());
  ASSERT_EQ(bench().read(block_, back, false, odd), StoreStatus::kGood);
  EXPECT_EQ(back, data);
  const Bytes other = pattern(data.size(), 4);
  ASSERT_EQ(bench().write(9 * block_, other, false, odd), StoreStatus::kGood);
  EXPECT_EQ(bench().read(9 * block_, other.size()), other);
}

TEST_P(BackstoreContract, LargeTransferInOneRequest) {
  const Bytes data = pattern(8 << 20, 5);
  ASSERT_EQ(bench().write(1 << 20, data), StoreStatus::kGood);
  EXPECT_EQ(bench().read(1 << 20, data.size()), keeps() ? data : Bytes(data.size()));
}

TEST_P(BackstoreContract, AnswersOnceAndNeverFromInsideSubmit) {
  std::vector<std::unique_ptr<Call>> calls;
  for (const StoreOp op : {StoreOp::kRead, StoreOp::kWrite, StoreOp::kFlush, StoreOp::kUnmap, StoreOp::kWriteZeroes}) {
    calls.push_back(std::make_unique<Call>(op, calls.size() << 20, 65536));
    bench().submit(*calls.back());
    EXPECT_EQ(calls.back()->answers, 0);
  }
  for (auto& call : calls) bench().wait(*call);
  bench().rounds(100);
  for (auto& call : calls) {
    EXPECT_EQ(call->answers, 1);
    EXPECT_EQ(call->status, StoreStatus::kGood);
  }
}

struct Chain {  // submits the next request from the answer to the one before
  Bench* bench;
  std::vector<std::unique_ptr<Call>> calls;
  std::size_t next = 0;
};

TEST_P(BackstoreContract, AnAnswerMaySubmitTheNextRequest) {
  Chain chain{&bench(), {}, 0};
  for (std::uint64_t i = 0; i < 50; ++i) {
    chain.calls.push_back(std::make_unique<Call>(i % 2 == 0 ? StoreOp::kWrite : StoreOp::kRead, i * 4096, 4096));
    chain.calls.back()->context = &chain;
    chain.calls.back()->done = [](StoreRequest& request) {
      auto& all = *static_cast<Chain*>(request.context);
      ++static_cast<Call&>(request).answers;
      if (all.next < all.calls.size()) all.bench->submit(*all.calls[all.next++]);
    };
  }
  bench().submit(*chain.calls[chain.next++]);
  bench().wait(*chain.calls.back());
  for (auto& call : chain.calls) EXPECT_EQ(call->answers, 1);
}

TEST_P(BackstoreContract, MoreRequestsThanAnyQueueHolds) {
  std::vector<std::unique_ptr<Call>> calls;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    calls.push_back(std::make_unique<Call>(StoreOp::kWrite, i * 4096, 4096));
    const Bytes data = pattern(4096, i);
    std::memcpy(calls.back()->data().data(), data.data(), data.size());
    bench().submit(*calls.back());
  }
  for (auto& call : calls) {
    bench().wait(*call);
    EXPECT_EQ(call->answers, 1);
    EXPECT_EQ(call->status, StoreStatus::kGood);
  }
  for (std::uint64_t i = 0; keeps() && i < 3000; i += 97) EXPECT_EQ(bench().read(i * 4096, 4096), pattern(4096, i));
}

TEST_P(BackstoreContract, UnmapAndWriteZeroesReadAsZerosToTheBlock) {
  for (const StoreOp op : {StoreOp::kUnmap, StoreOp::kWriteZeroes}) {
    const Bytes data = pattern(1 << 20, 6);
    ASSERT_EQ(bench().write(0, data), StoreStatus::kGood);
    const std::uint64_t from = 3 * block_, length = (1 << 19) + 2 * block_;  // no page boundary at either end
    ASSERT_EQ(bench().simple(op, from, length), StoreStatus::kGood);
    if (!keeps()) continue;
    Bytes expected = data;
    std::memset(expected.data() + from, 0, length);
    EXPECT_EQ(bench().read(0, data.size()), expected);
  }
}

TEST_P(BackstoreContract, FlushAndForceUnitAccess) {
  const Bytes data = pattern(65536, 7);
  EXPECT_EQ(bench().write(8192, data), StoreStatus::kGood);
  EXPECT_EQ(bench().flush(), StoreStatus::kGood);
  EXPECT_EQ(bench().simple(StoreOp::kFlush, 4096, 65536), StoreStatus::kGood);
  EXPECT_EQ(bench().write(131072, data, true), StoreStatus::kGood);
  EXPECT_EQ(bench().simple(StoreOp::kWriteZeroes, 131072, 4096, true), StoreStatus::kGood);
  EXPECT_EQ(bench().write(0, data), StoreStatus::kGood);
  Bytes back(data.size());
  EXPECT_EQ(bench().read(0, back, true), StoreStatus::kGood);
  EXPECT_EQ(back, keeps() ? data : Bytes(data.size()));
}

TEST_P(BackstoreContract, ExtentsFollowWritesAndUnmap) {
  if (!GetParam().tells_extents()) GTEST_SKIP() << "no provisioning states";
  ASSERT_EQ(bench().write(1 << 20, pattern(1 << 20, 8), true), StoreStatus::kGood);
  StoreExtent extent = bench().store().extent_at(0).value();
  EXPECT_EQ(extent.offset, 0u);
  EXPECT_EQ(extent.length, 1u << 20);
  EXPECT_FALSE(extent.mapped);
  extent = bench().store().extent_at((1 << 20) + block_).value();
  EXPECT_EQ(extent.offset, (1u << 20) + block_);
  EXPECT_EQ(extent.length, (1u << 20) - block_);
  EXPECT_TRUE(extent.mapped);
  ASSERT_EQ(bench().simple(StoreOp::kUnmap, 1 << 20, 1 << 19), StoreStatus::kGood);
  extent = bench().store().extent_at(1 << 20).value();
  EXPECT_EQ(extent.length, 1u << 19);
  EXPECT_FALSE(extent.mapped);
  extent = bench().store().extent_at(2 << 20).value();
  EXPECT_EQ(extent.length, kSize - (2 << 20));
  EXPECT_FALSE(bench().store().extent_at(kSize).has_value());
}

TEST_P(BackstoreContract, ResizeKeepsWhatStaysAndForgetsWhatGoes) {
  if (!GetParam().can_resize()) GTEST_SKIP() << "as large as the device";
  const Bytes data = pattern(1 << 20, 9);
  ASSERT_EQ(bench().write(0, data), StoreStatus::kGood);
  ASSERT_EQ(bench().write(kSize - data.size(), data), StoreStatus::kGood);
  const std::uint64_t small = kSize - data.size() / 2 - block_;
  ASSERT_TRUE(bench().store().resize(small / block_).has_value());
  EXPECT_EQ(bench().size(), small);
  ASSERT_TRUE(bench().store().resize(4 * kSize / block_).has_value());
  EXPECT_EQ(bench().size(), 4 * kSize);
  if (keeps()) {
    EXPECT_EQ(bench().read(0, data.size()), data);
    Bytes expected = data;
    std::memset(expected.data() + (small - (kSize - data.size())), 0, kSize - small);
    EXPECT_EQ(bench().read(kSize - data.size(), data.size()), expected);
    ASSERT_EQ(bench().write(4 * kSize - data.size(), data), StoreStatus::kGood);
    EXPECT_EQ(bench().read(4 * kSize - data.size(), data.size()), data);
  }
  EXPECT_FALSE(bench().store().resize(0).has_value());
}

TEST_P(BackstoreContract, WhatLiesBehindTheEndIsGone) {
  ASSERT_TRUE(bench().store().resize(kSize / 2 / block_).has_value());
  for (const StoreOp op : {StoreOp::kRead, StoreOp::kWrite, StoreOp::kUnmap, StoreOp::kWriteZeroes}) {
    Call call(op, kSize / 2 - block_, 2 * block_);  // checked by the core before the resize, submitted after it
    bench().submit(call);
    bench().wait(call);
    EXPECT_EQ(call.status, StoreStatus::kGone);
    EXPECT_EQ(call.bad_offset, kSize / 2);
  }
  std::array<hal::DmaSpan, 8> spans;
  std::uint32_t count = 1;
  EXPECT_EQ(bench().channel().lend_for_read(kSize / 2, block_, spans, count), 0u);
}

TEST_P(BackstoreContract, LentMemoryIsTheMedium) {
  std::array<hal::DmaSpan, 8> spans;
  std::uint32_t count = 7;
  if (!bench().store().lends()) {
    EXPECT_EQ(bench().channel().lend_for_read(0, 4096, spans, count), 0u);
    EXPECT_EQ(count, 0u);
    return;
  }
  ASSERT_EQ(bench().write(8192, pattern(4096, 10)), StoreStatus::kGood);
  const std::uint64_t covered = bench().channel().lend_for_read(4096, 16384, spans, count);
  Bytes seen;
  for (std::uint32_t i = 0; i < count; ++i) {
    EXPECT_EQ(spans[i].iova.raw, reinterpret_cast<std::uintptr_t>(spans[i].bytes.data()));
    seen.insert(seen.end(), spans[i].bytes.begin(), spans[i].bytes.end());
  }
  EXPECT_EQ(seen.size(), covered);
  EXPECT_EQ(seen, bench().read(4096, covered));
  StoreStatus status = StoreStatus::kGone;
  const std::uint64_t room = bench().channel().lend_for_write(20480 + block_, 65536, spans, count, status);
  EXPECT_EQ(status, StoreStatus::kGood);
  if (!keeps()) return;
  EXPECT_EQ(room, 65536u);
  const Bytes data = pattern(room, 11);
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::memcpy(spans[i].bytes.data(), data.data() + at, spans[i].bytes.size());
    at += spans[i].bytes.size();
  }
  EXPECT_EQ(bench().read(20480 + block_, room), data);
  EXPECT_EQ(bench().read(20480, block_), Bytes(block_));
}

TEST_P(BackstoreContract, RandomOperationsLeaveWhatASimpleModelHas) {
  if (!keeps()) GTEST_SKIP() << "keeps nothing";
  constexpr std::uint64_t kSpan = 2 << 20;
  Bytes model(kSpan);
  base::SeededRandom random(42);
  for (int step = 0; step < 600; ++step) {
    const std::uint64_t length = (1 + random.below(random.below(4) == 0 ? 256 : 16)) * block_;
    const std::uint64_t at = random.below((kSpan - length) / block_) * block_;
    switch (random.below(6)) {
      case 0:
      case 1: {
        const Bytes data = pattern(length, random.next());
        ASSERT_EQ(bench().write(at, data, random.below(8) == 0), StoreStatus::kGood);
        std::memcpy(model.data() + at, data.data(), length);
        break;
      }
      case 2:
      case 3: {
        const auto op = random.below(2) == 0 ? StoreOp::kUnmap : StoreOp::kWriteZeroes;
        ASSERT_EQ(bench().simple(op, at, length), StoreStatus::kGood);
        std::memset(model.data() + at, 0, length);
        break;
      }
      case 4:
        ASSERT_EQ(bench().read(at, length), Bytes(model.begin() + static_cast<std::ptrdiff_t>(at),
                                                  model.begin() + static_cast<std::ptrdiff_t>(at + length)))
            << "step " << step;
        break;
      default:
        ASSERT_EQ(bench().flush(), StoreStatus::kGood);
    }
  }
  EXPECT_EQ(bench().read(0, kSpan), model);
}

INSTANTIATE_TEST_SUITE_P(Stores, BackstoreContract, testing::ValuesIn(all_stores()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace scsi::test
