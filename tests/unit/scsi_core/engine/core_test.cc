// Unit tests of what the control plane asks of the core.
#include <gtest/gtest.h>

#include <algorithm>

#include "scsi_core/logical_unit.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

using std::chrono::seconds;

struct CoreTest : testing::Test {
  explicit CoreTest(std::size_t reactors = 1) : bench(reactors) {}
  base::Result<void> wait(const std::function<void(Done)>& call) { return bench.target.wait(call); }
  Core& core() { return bench.target.core(); }
  Reply run(Request request) { return bench.target.run(host, std::move(request)); }
  template <class T>
  std::vector<T> list(void (Core::*what)(std::function<void(std::vector<T>)>)) {
    std::vector<T> out;
    (core().*what)([&](std::vector<T> listed) { out = std::move(listed); });
    bench.target.settle();
    return out;
  }
  std::uint32_t inject(const InjectRule& rule) {
    std::uint32_t id = 0;
    core().inject(rule, [&](base::Result<std::uint32_t> result) { id = result.value(); });
    bench.target.settle();
    return id;
  }

  Bench bench;
  LoopNexus& host = bench.login("host");
};
struct CoreOfTwoReactors : CoreTest {
  CoreOfTwoReactors() : CoreTest(2) {}
};

TEST_F(CoreTest, NamesOfLogicalUnitsAreUnique) {
  test_support::FakeMedium medium(64);
  TestLog log;
  const auto again =
      bench.target.add("a", std::make_unique<test_support::FakeStore>(medium), std::make_unique<TestServer>(log));
  EXPECT_EQ(again.error().code, base::Errc::kExists);
  EXPECT_TRUE(log.events.empty());
}

TEST_F(CoreTest, ServerIsResetByPowerOnBeforeTheFirstCommand) {
  EXPECT_EQ(bench.log_a.events, (std::vector<std::string>{"reset 0"}));
}

TEST_F(CoreTest, RemovedUnitEndsItsCommandsAndTheMapChanges) {
  bench.medium_a.hold = true;
  host.port().hold_transfers = true;
  const LoopCommand& transfer = bench.write(host, 0);
  const LoopCommand& waiting = bench.read(host, 0, TaskAttribute::kOrdered);
  bench.target.settle();
  ASSERT_TRUE(wait([&](Done done) { core().remove_lu("a", done); }).has_value());
  EXPECT_TRUE(transfer.reply.check(kLogicalUnitNotSupported));
  EXPECT_TRUE(waiting.reply.check(kLogicalUnitNotSupported));
  host.port().hold_transfers = false;
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(kLogicalUnitNotSupported));
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .lun = 1, .in = 512}).check(kReportedLunsDataHasChanged));
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .lun = 1, .in = 512}).good());
  EXPECT_EQ(list(&Core::list_lus).size(), 1u);
}

TEST_F(CoreTest, RemovalThatTheMediumHoldsUpIsReportedAndGoesOn) {
  bench.medium_a.hold = true;
  const LoopCommand& stuck = bench.write(host, 0);
  bench.target.settle();
  std::optional<base::Result<void>> answer;
  core().remove_lu("a", [&](base::Result<void> result) { answer = std::move(result); });
  bench.target.settle();
  EXPECT_FALSE(answer.has_value());
  bench.target.advance(seconds(11));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->error().code, base::Errc::kTimeout);
  EXPECT_TRUE(list(&Core::list_lus).size() == 1u);  // the name is free
  bench.medium_a.hold = false;
  bench.target.settle();
  EXPECT_TRUE(stuck.reply.check(kLogicalUnitNotSupported));
}

TEST_F(CoreOfTwoReactors, RemovalReachesEveryReactor) {
  LoopNexus& far = bench.login("far", 1);
  host.port().hold_transfers = far.port().hold_transfers = true;
  const LoopCommand& near_read = bench.read(host, 0);
  const LoopCommand& far_read = bench.read(far, 0, TaskAttribute::kOrdered);
  bench.target.settle();
  ASSERT_TRUE(wait([&](Done done) { core().remove_lu("a", done); }).has_value());
  EXPECT_TRUE(near_read.reply.check(kLogicalUnitNotSupported));
  EXPECT_TRUE(far_read.reply.check(kLogicalUnitNotSupported));
  far.port().hold_transfers = false;
  EXPECT_TRUE(bench.target.run(far, {.cdb = test_unit_ready()}).check(kLogicalUnitNotSupported));
}

TEST_F(CoreTest, ViewTakenAwayLetsCommandsFinishAndTheServerForget) {
  bench.medium_a.hold = true;
  const LoopCommand& running = bench.read(host, 0);
  bench.target.settle();
  bench.log_a.events.clear();
  ASSERT_TRUE(bench.target.map({{"b", 1}}).has_value());
  EXPECT_TRUE(run({.cdb = test_unit_ready()}).check(kLogicalUnitNotSupported));
  EXPECT_FALSE(running.reply.over);
  EXPECT_TRUE(bench.log_a.events.empty());
  bench.medium_a.hold = false;
  bench.target.settle();
  EXPECT_TRUE(running.reply.good());
  EXPECT_EQ(bench.log_a.events, (std::vector<std::string>{"lost iqn.2026-01.test:host"}));
}

TEST_F(CoreTest, ResizeIsToldToEveryNexus) {
  LoopNexus& other = bench.login("other");
  EXPECT_TRUE(run({.cdb = read_10(64, 1), .in = 512}).check(kLogicalBlockAddressOutOfRange));
  ASSERT_TRUE(wait([&](Done done) { core().resize_lu("a", 128, done); }).has_value());
  for (LoopNexus* nexus : {&host, &other}) {
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = test_unit_ready()}).check(kCapacityDataHasChanged));
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = test_unit_ready(), .lun = 1}).good());
  }
  EXPECT_TRUE(run({.cdb = read_10(64, 1), .in = 512}).good());
  EXPECT_EQ(wait([&](Done done) { core().resize_lu("nobody", 1, done); }).error().code, base::Errc::kNotFound);
}

TEST_F(CoreOfTwoReactors, ResizeIsDoneWhenEveryNexusOnEveryReactorHasBeenTold) {
  LoopNexus& far = bench.login("far", 1);
  bool done = false;
  core().resize_lu("a", 128, [&](base::Result<void> result) { done = result.has_value(); });
  for (int round = 0; round < 100; ++round) bench.target.reactor(0).run_once();
  EXPECT_FALSE(done) << "the other reactor has not heard of it";
  bench.target.settle();
  EXPECT_TRUE(done);
  EXPECT_TRUE(bench.target.run(far, {.cdb = test_unit_ready()}).check(kCapacityDataHasChanged));
}

TEST_F(CoreTest, WriteProtectionIsAllThatChangesInUse) {
  LuConfig config = bench.log_a.lu->config();
  config.write_protected = true;
  ASSERT_TRUE(wait([&](Done done) { core().modify_lu("a", config, done); }).has_value());
  EXPECT_TRUE(run({.cdb = write_10(0, 1), .out = std::vector<std::byte>(512)}).check(kWriteProtected));
  EXPECT_TRUE(list(&Core::list_lus).front().config.write_protected);
  config.write_protected = false;
  ASSERT_TRUE(wait([&](Done done) { core().modify_lu("a", config, done); }).has_value());
  EXPECT_TRUE(run({.cdb = write_10(0, 1), .out = std::vector<std::byte>(512)}).good());
  config.serial = "other";
  EXPECT_EQ(wait([&](Done done) { core().modify_lu("a", config, done); }).error().code, base::Errc::kUnsupported);
}

TEST_F(CoreTest, WrongViewsChangeNothing) {
  ViewTable table;
  table.views = {{"a", "", "", 5, false}, {"b", "", "", 5, false}};
  EXPECT_EQ(wait([&](Done done) { core().set_views(table, done); }).error().code, base::Errc::kExists);
  EXPECT_TRUE(run({.cdb = test_unit_ready()}).good());
}

TEST_F(CoreTest, SameViewsAgainAreNoChange) {
  ASSERT_TRUE(bench.target.map({{"a", 0}, {"b", 1}}).has_value());
  EXPECT_TRUE(run({.cdb = test_unit_ready()}).good());
}

TEST_F(CoreTest, CommandsInFlightAreListedWithStateAndAudit) {
  bench.medium_a.hold = true;
  bench.read(host, 7);
  bench.target.settle();
  bench.target.advance(seconds(2));
  bench.write(host, 9, TaskAttribute::kOrdered);
  bench.target.settle();
  const auto commands = list(&Core::list_commands);
  ASSERT_EQ(commands.size(), 2u);
  EXPECT_EQ(commands[0].lu, "a");
  EXPECT_EQ(commands[0].opcode_name, "READ(10)");
  EXPECT_EQ(commands[0].state, "with the backstore");
  EXPECT_EQ(commands[0].lba, 7u);
  EXPECT_EQ(commands[0].age, seconds(2));
  ASSERT_EQ(commands[0].audit.size(), 2u);
  EXPECT_EQ(commands[0].audit[0].what, "received");
  EXPECT_EQ(commands[0].audit[0].detail, 0x28u);
  EXPECT_EQ(commands[0].audit[1].what, "backstore asked");
  EXPECT_EQ(commands[1].state, "waits in the task set");
  bench.medium_a.hold = false;
}

TEST_F(CoreOfTwoReactors, CountersAddUpOverReactors) {
  LoopNexus& far = bench.login("far", 1);
  bench.read(host, 0);
  bench.read(far, 0);
  bench.write(far, 0);
  far.send({.cdb = {0xff, 0, 0, 0, 0, 0}});
  bench.target.settle();
  const Statistics all = list(&Core::list_lus).front().statistics;
  EXPECT_EQ(base::total(all.reads), 2u);
  EXPECT_EQ(all.read_bytes, 1024u);
  EXPECT_EQ(base::total(all.writes), 1u);
  EXPECT_EQ(all.write_bytes, 512u);
  EXPECT_EQ(all.errors, 3u);  // two unit attentions at power on, one unknown opcode
  EXPECT_EQ(all.in_flight, 0u);
}

TEST_F(CoreTest, NexusesAreListedWithTheirLuns) {
  const auto nexuses = list(&Core::list_nexuses);
  ASSERT_EQ(nexuses.size(), 1u);
  EXPECT_EQ(nexuses[0].initiator, "iqn.2026-01.test:host,i,0x400000000001");
  EXPECT_EQ(nexuses[0].luns, (std::vector<std::pair<std::uint32_t, std::string>>{{0, "a"}, {1, "b"}}));
  EXPECT_EQ(nexuses[0].in_flight, 0u);
}

TEST_F(CoreTest, InjectedMediumErrorConcernsItsBlocksAndItsCount) {
  InjectRule rule;
  rule.kind = InjectRule::Kind::kMediumError;
  rule.lu = "a";
  rule.first_lba = 10;
  rule.last_lba = 11;
  rule.count = 2;
  inject(rule);
  EXPECT_TRUE(run({.cdb = read_10(8, 2), .in = 1024}).good());
  EXPECT_TRUE(run({.cdb = read_10(12, 1), .in = 512}).good());
  const Reply reply = run({.cdb = read_10(8, 4), .in = 2048});
  EXPECT_TRUE(reply.check(kUnrecoveredReadError));
  EXPECT_EQ(reply.sense_bytes[6], std::byte{10});
  EXPECT_TRUE(run({.cdb = write_10(11, 1), .out = std::vector<std::byte>(512)}).check(kWriteError));
  EXPECT_EQ(list(&Core::list_injects).at(0).left, 0u);
  EXPECT_TRUE(run({.cdb = read_10(10, 1), .in = 512}).good());
  EXPECT_TRUE(run({.cdb = read_10(10, 1), .lun = 1, .in = 512}).good());
}

TEST_F(CoreTest, InjectedDelayHoldsTheCommandForItsTime) {
  InjectRule rule;
  rule.lu = "a";
  rule.delay = seconds(3);
  const std::uint32_t id = inject(rule);
  const LoopCommand& delayed = bench.read(host, 0);
  const LoopCommand& aborted = bench.read(host, 1);
  bench.target.settle();
  bench.target.advance(seconds(2));
  EXPECT_FALSE(delayed.reply.over);
  EXPECT_EQ(bench.target.manage(host, TaskFunction::kAbortTask, 0, &aborted), TmfResponse::kFunctionComplete);
  bench.target.advance(seconds(1));
  EXPECT_TRUE(delayed.reply.good());
  ASSERT_TRUE(wait([&](Done done) { core().remove_inject(id, done); }).has_value());
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).good());
  EXPECT_EQ(wait([&](Done done) { core().remove_inject(id, done); }).error().code, base::Errc::kNotFound);
}

TEST_F(CoreTest, InjectedAbortAndUnitAttentionByOpcode) {
  InjectRule rule;
  rule.lu = "a";
  rule.kind = InjectRule::Kind::kUnitAttention;
  rule.sense = kModeParametersChanged;
  rule.any_command = true;
  rule.opcode = 0x00;
  rule.count = 1;
  inject(rule);
  rule.kind = InjectRule::Kind::kAbort;
  rule.opcode = 0x28;
  inject(rule);
  EXPECT_TRUE(run({.cdb = test_unit_ready()}).check(kModeParametersChanged));
  EXPECT_TRUE(run({.cdb = test_unit_ready()}).good());
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(kAbortedCommandNoAdditionalSense));
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).good());
}

TEST_F(CoreTest, RulesGoWithTheirUnit) {
  InjectRule rule;
  rule.lu = "a";
  inject(rule);
  ASSERT_TRUE(wait([&](Done done) { core().remove_lu("a", done); }).has_value());
  EXPECT_TRUE(list(&Core::list_injects).empty());
}

}  // namespace
}  // namespace scsi::engine_test
