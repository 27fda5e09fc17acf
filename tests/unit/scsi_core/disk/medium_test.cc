// START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: stopped, ejected, loaded, prevented, and who is told.
#include "scsi_core/logical_unit.h"
#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

constexpr std::uint8_t kStart = 1, kEject = 2, kLoad = 3, kStop = 0, kNoFlush = 4;
const Cdb kReady = {0, 0, 0, 0, 0, 0};

Cdb start_stop(std::uint8_t action, std::uint8_t immed = 0) { return {0x1b, immed, 0, 0, action, 0}; }
Cdb prevent(std::uint8_t value) { return {0x1e, 0, 0, 0, value, 0}; }
LuConfig removable() {
  LuConfig config;
  config.removable = true;
  return config;
}

TEST(DiskStartStop, StoppedUnitIsNotReadyUntilItIsStarted) {
  Bench bench;
  EXPECT_TRUE(bench.run(start_stop(kStop)).good());
  expect_check(bench.run(kReady), kInitializingCommandRequired);
  expect_check(bench.in(cdb_10(0x28, 0, 0, 1), 512), kInitializingCommandRequired);
  EXPECT_TRUE(bench.in({0x12, 0, 0, 0, 36, 0}, 36).good());
  const Bytes sense = bench.in({0x03, 0, 0, 0, 18, 0}, 18).data;
  EXPECT_EQ(number(sense, 2, 1), 2u);
  EXPECT_EQ(number(sense, 12, 2), 0x0402u);
  EXPECT_TRUE(bench.run(start_stop(kStart)).good());
  EXPECT_TRUE(bench.run(kReady).good());
  EXPECT_TRUE(bench.run(start_stop(kStop)).good());
  EXPECT_EQ(bench.target().manage(bench.host(), TaskFunction::kLogicalUnitReset), TmfResponse::kFunctionComplete);
  bench.target().clear_attentions(bench.host());
  EXPECT_TRUE(bench.run(kReady).good()) << "a reset starts it";
}

TEST(DiskStartStop, StoppingFlushesUnlessToldNotTo) {
  Bench bench;
  EXPECT_TRUE(bench.run(start_stop(kStop | kNoFlush)).good());
  EXPECT_TRUE(bench.medium().requests.empty());
  EXPECT_TRUE(bench.run(start_stop(kStart)).good());
  EXPECT_TRUE(bench.run(start_stop(kStop)).good());
  ASSERT_EQ(bench.medium().requests.size(), 1u);
  EXPECT_EQ(bench.medium().requests[0].op, StoreOp::kFlush);
  EXPECT_TRUE(bench.run(start_stop(kStart)).good());
  bench.medium().fail_with = StoreStatus::kFlushFailed;
  bench.medium().fail_op = StoreOp::kFlush;
  bench.medium().fail_to = 512;
  expect_check(bench.run(start_stop(kStop)), kWriteError);
  EXPECT_TRUE(bench.run(kReady).good()) << "it was not stopped";
}

TEST(DiskStartStop, FixedMediumCannotBeEjected) {
  Bench bench;
  expect_invalid_cdb(bench.run(start_stop(kEject)), 4, 1);
  expect_invalid_cdb(bench.run(start_stop(kLoad)), 4, 1);
}

TEST(DiskStartStop, PowerConditionsChangeNothing) {
  Bench bench({}, removable());
  for (unsigned condition = 1; condition < 16; ++condition) {
    EXPECT_TRUE(bench.run(start_stop(static_cast<std::uint8_t>(condition << 4 | kEject), 1)).good()) << condition;
    EXPECT_TRUE(bench.run(kReady).good()) << condition;
  }
}

TEST(DiskRemovable, StopWithoutEjectKeepsTheMedium) {
  Bench bench({}, removable());
  for (const std::uint8_t action : opcodes({kStop, kStart, kStop | kNoFlush, kStart | kNoFlush})) {
    for (const std::uint8_t immed : opcodes({0, 1})) {
      EXPECT_TRUE(bench.run(start_stop(action, immed)).good());
      EXPECT_TRUE(bench.run(kReady).good());
    }
  }
}

TEST(DiskRemovable, EjectedMediumIsNotPresentForEveryMediumCommand) {
  Bench bench({}, removable());
  EXPECT_TRUE(bench.run(start_stop(kEject)).good());
  EXPECT_TRUE(bench.run(start_stop(kEject)).good()) << "twice";
  expect_check(bench.run(kReady), kMediumNotPresent);
  for (const std::uint8_t opcode : opcodes({0x25, 0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x37, 0x41, 0x42})) {
    expect_check(bench.run(cdb_10(opcode, 0, 0, opcode == 0x25 ? 0 : 1)), kMediumNotPresent);
  }
  for (const std::uint8_t opcode : opcodes({0x88, 0x8a, 0x8b, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0x9c})) {
    expect_check(bench.run(cdb_16(opcode, 0, 0, 1)), kMediumNotPresent);
  }
  expect_check(bench.run(compare_and_write_cdb(0, 1)), kMediumNotPresent);
  for (const std::uint8_t opcode : opcodes({0xa8, 0xaa, 0xae, 0xaf, 0xb7})) {
    expect_check(bench.run(cdb_12(opcode, 0, 0, 1)), kMediumNotPresent);
  }
  expect_check(bench.run(cdb_16(0x9e, 0x10, 0, 32)), kMediumNotPresent);
  expect_check(bench.run(cdb_16(0x9e, 0x12, 0, 24)), kMediumNotPresent);
  for (const std::uint8_t opcode : opcodes({0x08, 0x0a}))
    expect_check(bench.run(cdb_6(opcode, 0, 1)), kMediumNotPresent);
  EXPECT_TRUE(bench.in({0x12, 0, 0, 0, 36, 0}, 36).good());
  EXPECT_TRUE(bench.in({0x1a, 0x08, 0x3f, 0, 255, 0}, 255).good());
  EXPECT_EQ(number(bench.in({0x03, 0, 0, 0, 18, 0}, 18).data, 12, 2), 0x3a00u);
}

TEST(DiskRemovable, LoadIsGoodWhenTheOthersHaveBeenToldOnEveryReactor) {
  Bench bench({}, removable(), 2);
  LoopNexus& other = bench.login("iqn.2026-01.test:other", 1);
  EXPECT_TRUE(bench.run(start_stop(kEject)).good());
  const test_support::LoopCommand& command = bench.host().send({.cdb = start_stop(kLoad)});
  for (int round = 0; round < 100; ++round) bench.target().reactor(0).run_once();
  EXPECT_FALSE(command.reply.over) << "the other reactor has not heard of it";
  bench.target().settle();
  EXPECT_TRUE(command.reply.good());
  expect_check(bench.run(other, kReady), kNotReadyToReadyChange);
}

TEST(DiskRemovable, LoadTellsTheOthersThatTheMediumMayHaveChanged) {
  Bench bench({}, removable(), 2);
  LoopNexus& other = bench.login("iqn.2026-01.test:other", 1);
  EXPECT_TRUE(bench.run(start_stop(kLoad)).good()) << "loaded already";
  EXPECT_TRUE(bench.run(other, kReady).good());
  EXPECT_TRUE(bench.run(start_stop(kEject)).good());
  EXPECT_TRUE(bench.run(start_stop(kLoad)).good());
  EXPECT_TRUE(bench.run(kReady).good());
  expect_check(bench.run(other, kReady), kNotReadyToReadyChange);
  EXPECT_TRUE(bench.run(other, kReady).good());
}

TEST(DiskRemovable, PreventKeepsTheMediumInOrOut) {
  Bench bench({}, removable());
  LoopNexus& other = bench.login("iqn.2026-01.test:other");
  EXPECT_TRUE(bench.run(prevent(1)).good());
  EXPECT_TRUE(bench.run(prevent(1)).good());
  expect_check(bench.run(start_stop(kEject)), kMediumRemovalPrevented);
  expect_check(bench.run(other, start_stop(kEject)), kMediumRemovalPrevented);
  EXPECT_TRUE(bench.run(kReady).good());
  EXPECT_TRUE(bench.run(other, prevent(0)).good());
  expect_check(bench.run(other, start_stop(kEject)), kMediumRemovalPrevented);  // of another nexus
  EXPECT_TRUE(bench.run(prevent(0)).good());
  EXPECT_TRUE(bench.run(start_stop(kEject)).good());
  EXPECT_TRUE(bench.run(prevent(1)).good());
  expect_check(bench.run(start_stop(kLoad)), kMediumRemovalPrevented);
  EXPECT_TRUE(bench.run(prevent(0)).good());
  EXPECT_TRUE(bench.run(start_stop(kLoad)).good());
  expect_invalid_cdb(bench.run(prevent(2)), 4, 1);
  expect_invalid_cdb(bench.run(prevent(3)), 4, 1);
}

TEST(DiskRemovable, PreventEndsWithItsNexusAndWithResets) {
  Bench bench({}, removable());
  LoopNexus& other = bench.login("iqn.2026-01.test:other");
  EXPECT_TRUE(bench.run(other, prevent(1)).good());
  expect_check(bench.run(start_stop(kEject)), kMediumRemovalPrevented);
  other.lose();
  bench.target().settle();
  EXPECT_TRUE(bench.run(start_stop(kEject)).good());
  EXPECT_TRUE(bench.run(start_stop(kLoad)).good());
  for (const TaskFunction function :
       {TaskFunction::kLogicalUnitReset, TaskFunction::kTargetReset, TaskFunction::kITNexusReset}) {
    EXPECT_TRUE(bench.run(prevent(1)).good());
    EXPECT_EQ(bench.target().manage(bench.host(), function), TmfResponse::kFunctionComplete);
    bench.target().clear_attentions(bench.host());
    EXPECT_TRUE(bench.run(start_stop(kEject)).good());
    EXPECT_TRUE(bench.run(start_stop(kLoad)).good());
  }
}

// SPC-5 table 66, SBC-4 table 13: what depends on a field of the CDB.
TEST(DiskReserved, StartAndAllowPassStopAndPreventConflict) {
  Bench bench({}, removable());
  LoopNexus& other = bench.login("iqn.2026-01.test:other");
  EXPECT_TRUE(bench.run({0x16, 0, 0, 0, 0, 0}).good());  // RESERVE(6)
  EXPECT_TRUE(bench.run(other, start_stop(kStart)).good());
  EXPECT_TRUE(bench.run(other, prevent(0)).good());
  EXPECT_EQ(bench.run(other, start_stop(kStop)).status, Status::kReservationConflict);
  EXPECT_EQ(bench.run(other, start_stop(kEject)).status, Status::kReservationConflict);
  EXPECT_EQ(bench.run(other, start_stop(0x31)).status, Status::kReservationConflict);  // POWER CONDITION
  EXPECT_EQ(bench.run(other, prevent(1)).status, Status::kReservationConflict);
  EXPECT_TRUE(bench.run(start_stop(kEject)).good());
}

}  // namespace
}  // namespace scsi
