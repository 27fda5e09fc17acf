// Unit tests of what handlers may do: transfers, residuals, buffers, the backstore, the home reactor.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "hal/dma.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

using Residual = Response::Residual;

struct Execution : testing::Test {
  Bench bench;
  LoopNexus& host = bench.login("host");
  Reply run(Request request) { return bench.target.run(host, std::move(request)); }
};

TEST_F(Execution, ReadResidualsFollowExpectedLength) {
  const struct {
    std::uint16_t blocks;
    std::size_t expected, moved;
    Residual residual;
    std::uint64_t count;
  } cases[] = {{1, 0, 0, Residual::kOverflow, 512},     {1, 10000, 512, Residual::kUnderflow, 9488},
               {1, 200, 200, Residual::kOverflow, 312}, {2, 512, 512, Residual::kOverflow, 512},
               {2, 1024, 1024, Residual::kNone, 0},     {0, 512, 0, Residual::kUnderflow, 512}};
  for (const auto& one : cases) {
    const Reply reply = run({.cdb = read_10(1, one.blocks), .in = one.expected});
    EXPECT_TRUE(reply.good());
    EXPECT_EQ(reply.data.size(), one.moved);
    EXPECT_EQ(reply.residual, one.residual);
    EXPECT_EQ(reply.residual_count, one.count);
    EXPECT_TRUE(std::equal(reply.data.begin(), reply.data.end(), bench.medium_a.bytes.begin() + 512));
  }
}

TEST_F(Execution, WriteBeyondExpectedLengthTouchesNoFurtherBlock) {
  const std::vector<std::byte> before(bench.medium_a.bytes.begin() + 512, bench.medium_a.bytes.begin() + 1024);
  const Reply reply = run({.cdb = write_10(0, 2), .out = std::vector<std::byte>(512, std::byte{1})});
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.residual, Residual::kOverflow);
  EXPECT_EQ(reply.residual_count, 512u);
  EXPECT_EQ(bench.medium_a.bytes[0], std::byte{1});
  EXPECT_EQ(std::memcmp(before.data(), bench.medium_a.bytes.data() + 512, 512), 0);
}

TEST_F(Execution, WriteOfLessThanExpectedLengthTakesOnlyItsBlocks) {
  const Reply reply = run({.cdb = write_10(0, 1), .out = std::vector<std::byte>(1024, std::byte{1})});
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data_out_bytes, 512u);
  EXPECT_EQ(reply.residual, Residual::kUnderflow);
  EXPECT_EQ(reply.residual_count, 512u);
}

TEST_F(Execution, ReadAnnouncedAsAWriteMovesNothing) {
  const Reply reply = run({.cdb = read_10(0, 1), .out = std::vector<std::byte>(512)});
  EXPECT_TRUE(reply.good());
  EXPECT_TRUE(reply.data.empty());
  EXPECT_EQ(reply.data_out_bytes, 0u);
  EXPECT_EQ(reply.residual, Residual::kUnderflow);
  EXPECT_EQ(reply.residual_count, 512u);
}

TEST_F(Execution, CommandWithoutDataLeavesAllOfTheExpectedLength) {
  const Reply reply = run({.cdb = test_unit_ready(), .in = 100});
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.residual, Residual::kUnderflow);
  EXPECT_EQ(reply.residual_count, 100u);
}

TEST_F(Execution, AllocationLengthIsNoResidual) {
  auto cdb = inquiry();
  cdb[4] = 5;
  const Reply reply = run({.cdb = cdb, .in = 36});
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data.size(), 5u);
  EXPECT_EQ(reply.residual, Residual::kUnderflow);
  EXPECT_EQ(reply.residual_count, 31u);
  cdb[4] = 36;
  const Reply more = run({.cdb = cdb, .in = 5});
  EXPECT_EQ(more.data.size(), 5u);
  EXPECT_EQ(more.residual, Residual::kOverflow);
  EXPECT_EQ(more.residual_count, 31u);
}

TEST_F(Execution, ErrorTellsWhatWasNotMoved) {
  bench.medium_a.next_status = {StoreStatus::kGood, StoreStatus::kMediumError};
  const Reply reply = run({.cdb = chunked_read(4, 3), .in = 1536});
  ASSERT_TRUE(reply.check(kUnrecoveredReadError));
  EXPECT_EQ(reply.data.size(), 512u);
  EXPECT_EQ(reply.residual, Residual::kUnderflow);
  EXPECT_EQ(reply.residual_count, 1024u);
  EXPECT_EQ(reply.sense_bytes[6], std::byte{5});  // INFORMATION: the LBA
}

TEST_F(Execution, ChunksArriveInOnePiece) {
  const Reply reply = run({.cdb = chunked_read(10, 5), .in = 2560});
  ASSERT_TRUE(reply.good());
  ASSERT_EQ(reply.data.size(), 2560u);
  EXPECT_EQ(std::memcmp(reply.data.data(), bench.medium_a.bytes.data() + 10 * 512, 2560), 0);
}

TEST_F(Execution, ChunksStopAtExpectedLength) {
  const Reply reply = run({.cdb = chunked_read(10, 5), .in = 700});
  ASSERT_TRUE(reply.good());
  EXPECT_EQ(reply.data.size(), 700u);
  EXPECT_EQ(reply.residual, Residual::kOverflow);
}

TEST_F(Execution, SenseIsInTheFormatOfDSense) {
  EXPECT_EQ(run({.cdb = {0xff, 0, 0, 0, 0, 0}}).sense_bytes[0], std::byte{0x70});
  bench.log_a.lu->flags |= kLuDescriptorSense;
  const Reply reply = run({.cdb = {0xff, 0, 0, 0, 0, 0}});
  EXPECT_EQ(reply.sense_bytes[0], std::byte{0x72});
  EXPECT_EQ(reply.sense, kInvalidCommandOperationCode);
}

TEST_F(Execution, EveryStoreStatusHasItsSense) {
  const std::pair<StoreStatus, SenseCode> cases[] = {{StoreStatus::kMediumError, kWriteError},
                                                     {StoreStatus::kNoSpace, kSpaceAllocationFailedWriteProtect},
                                                     {StoreStatus::kFlushFailed, kWriteError}};
  for (const auto& [status, code] : cases) {
    bench.medium_a.next_status = {status};
    EXPECT_TRUE(run({.cdb = write_10(0, 1), .out = std::vector<std::byte>(512)}).check(code));
  }
}

TEST_F(Execution, LostMediumTakesTheUnitOffline) {
  const ExpectLog expect("a: offline, its medium is gone");
  bench.medium_a.next_status = {StoreStatus::kGone};
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(kLogicalUnitFailure));
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(kManualInterventionRequired));
}

TEST_F(Execution, StoreThatCannotBeOpenedFailsTheCommandAndIsTriedAgain) {
  bench.medium_a.fail_open = true;
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(kLogicalUnitFailure));
  bench.medium_a.fail_open = false;
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).good());
}

TEST_F(Execution, FailedTransferEndsWithThePortsReason) {
  host.port().fail_next(kProtocolServiceCrcError);
  EXPECT_TRUE(run({.cdb = write_10(0, 1), .out = std::vector<std::byte>(512)}).check(kProtocolServiceCrcError));
  host.port().fail_next({});
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(kDataPhaseError));
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).good());
}

TEST_F(Execution, ParameterListMustBeAnnouncedWhole) {
  EXPECT_TRUE(run({.cdb = parameter_list(24), .out = std::vector<std::byte>(24)}).good());
  EXPECT_TRUE(run({.cdb = parameter_list(0)}).good());
  EXPECT_TRUE(run({.cdb = parameter_list(24), .out = std::vector<std::byte>(23)}).check(kParameterListLengthError));
  EXPECT_TRUE(run({.cdb = parameter_list(24), .in = 24}).check(kParameterListLengthError));
}

TEST_F(Execution, WorkAtHomeRunsThereAndComesBack) {
  Bench two(2);
  LoopNexus& near = two.login("near", 0);
  LoopNexus& far = two.login("far", 1);
  for (LoopNexus* nexus : {&near, &far}) {
    EXPECT_TRUE(two.target.run(*nexus, {.cdb = home()}).good());  // the handler checks the reactors
    EXPECT_TRUE(two.target.run(*nexus, {.cdb = home(true)}).check(kParameterValueInvalid));
  }
}

TEST_F(Execution, AsynchronousWorkAtHomeEndsWhenItIsDone) {
  Bench two(2);
  LoopNexus& far = two.login("far", 1);
  const LoopCommand& good = far.send({.cdb = home_async()});
  const LoopCommand& bad = far.send({.cdb = home_async()});
  two.target.settle();
  ASSERT_EQ(two.log_a.at_home.size(), 2u);
  EXPECT_FALSE(good.reply.over);
  home_done(*two.log_a.at_home[0]);
  fail_at_home(*two.log_a.at_home[1], Outcome::of(Status::kReservationConflict));
  two.target.settle();
  EXPECT_TRUE(good.reply.good());
  EXPECT_EQ(bad.reply.status, Status::kReservationConflict);
}

struct Memory : testing::Test {
  test_support::FakeMedium medium{8192};
  TestLog log;
  // One slab of 2 MiB: seven buffers of the largest size.
  LoopTarget target{{.dma_limit = 2 << 20, .core = Bench::bench_options()}};
  LoopNexus* host = nullptr;
  std::vector<std::byte*> taken;

  void SetUp() override {
    ASSERT_TRUE(target.add("a", std::make_unique<test_support::FakeStore>(medium), std::make_unique<TestServer>(log))
                    .has_value());
    ASSERT_TRUE(target.map({{"a", 0}}).has_value());
    host = &target.login("iqn.2026-01.test:host");
    target.clear_attentions(*host);
    for (;;) {
      const hal::DmaSpan span = target.reactor().dma().take(hal::DmaPool::kLargest);
      if (span.bytes.empty()) break;
      taken.push_back(span.bytes.data());
    }
    ASSERT_EQ(taken.size(), 7u);
  }
  void give(std::size_t count) {
    for (; count > 0; --count) {
      target.reactor().dma().give(taken.back());
      taken.pop_back();
    }
    target.settle();
  }
};

TEST_F(Memory, CommandsWaitForBuffersInOrder) {
  const LoopCommand& large = host->send({.cdb = read_10(0, 1024), .in = 512 << 10});  // two buffers
  const LoopCommand& small = host->send({.cdb = read_10(0, 1), .in = 512});
  target.settle();
  give(1);
  EXPECT_FALSE(large.reply.over || small.reply.over);  // the small one does not overtake
  give(1);
  EXPECT_TRUE(large.reply.good());
  EXPECT_TRUE(small.reply.good());
  give(5);
}

TEST_F(Memory, AbortOfAWaitingCommandLetsTheNextTry) {
  const LoopCommand& large = host->send({.cdb = read_10(0, 1024), .in = 512 << 10});
  const LoopCommand& small = host->send({.cdb = read_10(0, 1), .in = 512});
  target.settle();
  give(1);
  EXPECT_EQ(target.manage(*host, TaskFunction::kAbortTask, 0, &large), TmfResponse::kFunctionComplete);
  EXPECT_TRUE(large.reply.dropped);
  EXPECT_TRUE(small.reply.good());
  give(6);
}

TEST_F(Memory, ReplyAnswersBusyWhenThereIsNone) {
  EXPECT_EQ(target.run(*host, {.cdb = inquiry(), .in = 36}).status, Status::kBusy);
  give(7);
  EXPECT_TRUE(target.run(*host, {.cdb = inquiry(), .in = 36}).good());
}

TEST_F(Memory, WaitHasALimit) {
  const LoopCommand& command = host->send({.cdb = read_10(0, 1), .in = 512});
  target.settle();
  for (int i = 0; i < 6; ++i) target.advance(std::chrono::seconds(15));
  EXPECT_TRUE(command.reply.over);
  EXPECT_EQ(command.reply.status, Status::kBusy);
  give(7);
}

}  // namespace
}  // namespace scsi::engine_test
