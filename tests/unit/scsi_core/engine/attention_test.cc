// Unit tests of unit attention conditions: precedence, reporting, clearing (SAM-5 5.14).
#include <gtest/gtest.h>

#include "scsi_core/lu_control.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

std::vector<SenseCode> pending(const UnitAttentions& attentions) {
  return {attentions.all().begin(), attentions.all().end()};
}

TEST(UnitAttentions, ResetsComeFirstAndOthersInOrderOfArrival) {
  UnitAttentions attentions;
  attentions.establish(kModeParametersChanged);
  attentions.establish(kCapacityDataHasChanged);
  attentions.establish(kITNexusLossOccurred);
  EXPECT_EQ(pending(attentions),
            (std::vector<SenseCode>{kITNexusLossOccurred, kModeParametersChanged, kCapacityDataHasChanged}));
}

TEST(UnitAttentions, EachIsKeptOnce) {
  UnitAttentions attentions;
  attentions.establish(kCapacityDataHasChanged);
  attentions.establish(kCapacityDataHasChanged);
  attentions.pop();
  EXPECT_TRUE(attentions.empty());
}

TEST(UnitAttentions, ResetClearsWhatItMakesMoot) {
  UnitAttentions attentions;
  attentions.establish(kModeParametersChanged);
  attentions.establish(kITNexusLossOccurred);
  attentions.establish(kBusDeviceResetFunctionOccurred);
  EXPECT_EQ(pending(attentions), (std::vector<SenseCode>{kBusDeviceResetFunctionOccurred}));
  attentions.establish(kPowerOnOccurred);
  EXPECT_EQ(pending(attentions), (std::vector<SenseCode>{kPowerOnOccurred}));
}

TEST(UnitAttentions, MilderResetIsMootWhileAMoreSevereOneIsPending) {
  UnitAttentions attentions;
  attentions.establish(kPowerOnOccurred);
  attentions.establish(kBusDeviceResetFunctionOccurred);
  attentions.establish(kITNexusLossOccurred);
  EXPECT_EQ(pending(attentions), (std::vector<SenseCode>{kPowerOnOccurred}));
  attentions.establish(kCapacityDataHasChanged);  // happened after the power on
  EXPECT_EQ(pending(attentions), (std::vector<SenseCode>{kPowerOnOccurred, kCapacityDataHasChanged}));
}

TEST(UnitAttentions, TooManyBecomeAskForEverythingAgain) {
  UnitAttentions attentions;
  for (std::uint8_t i = 0; i <= UnitAttentions::kCapacity; ++i) {
    attentions.establish({SenseKey::kUnitAttention, 0x3f, static_cast<std::uint8_t>(0x20 + i)});
  }
  EXPECT_EQ(pending(attentions), (std::vector<SenseCode>{kPowerOnResetOrBusDeviceReset}));
}

TEST(UnitAttentions, OneOfSeveralCanBeCleared) {
  UnitAttentions attentions;
  attentions.establish(kReportedLunsDataHasChanged);
  attentions.establish(kCapacityDataHasChanged);
  EXPECT_TRUE(attentions.clear(kReportedLunsDataHasChanged));
  EXPECT_FALSE(attentions.clear(kReportedLunsDataHasChanged));
  EXPECT_EQ(pending(attentions), (std::vector<SenseCode>{kCapacityDataHasChanged}));
}

void change_capacity(Bench& bench) {
  bench.target.reactor().post_function(
      [&] { establish_unit_attention(*bench.log_a.lu, kCapacityDataHasChanged, nullptr); });
  bench.target.settle();
}

TEST(UnitAttention, IsReportedOnceToEachNexus) {
  Bench bench(2);
  LoopNexus& one = bench.login("one", 0);
  LoopNexus& two = bench.login("two", 1);
  change_capacity(bench);
  for (LoopNexus* nexus : {&one, &two}) {
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = read_10(0, 1), .in = 512}).check(kCapacityDataHasChanged));
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = read_10(0, 1), .in = 512}).good());
    EXPECT_TRUE(bench.target.run(*nexus, {.cdb = test_unit_ready(), .lun = 1}).good());  // only of LUN 0
  }
}

TEST(UnitAttention, FilterChoosesWhoIsTold) {
  Bench bench;
  LoopNexus& one = bench.login("one");
  LoopNexus& two = bench.login("two");
  const NexusKey key = one.nexus().key;
  bench.target.reactor().post_function([&] {
    establish_unit_attention(*bench.log_a.lu, kReservationsReleased, [key](const NexusKey& k) { return k == key; });
  });
  bench.target.settle();
  EXPECT_TRUE(bench.target.run(one, {.cdb = test_unit_ready()}).check(kReservationsReleased));
  EXPECT_TRUE(bench.target.run(two, {.cdb = test_unit_ready()}).good());
}

TEST(UnitAttention, InquiryLeavesItAndReportLunsToo) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  change_capacity(bench);
  EXPECT_TRUE(bench.target.run(host, {.cdb = inquiry(), .in = 36}).good());
  EXPECT_TRUE(bench.target.run(host, {.cdb = report_luns(), .in = 256}).good());
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).check(kCapacityDataHasChanged));
}

TEST(UnitAttention, RequestSenseReturnsAndClearsIt) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  change_capacity(bench);
  const Reply reply = bench.target.run(host, {.cdb = request_sense(), .in = 18});
  ASSERT_TRUE(reply.good());
  ASSERT_EQ(reply.data.size(), 18u);
  EXPECT_EQ(reply.data[2], std::byte{0x06});
  EXPECT_EQ(reply.data[12], std::byte{0x2a});
  EXPECT_EQ(reply.data[13], std::byte{0x09});
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).good());
}

TEST(UnitAttention, ReportLunsClearsReportedLunsDataHasChangedForAllUnits) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  ASSERT_TRUE(bench.target.map({{"a", 0}, {"b", 1}, {"a", 7}}).has_value());
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).check(kReportedLunsDataHasChanged));
  ASSERT_TRUE(bench.target.map({{"a", 0}, {"b", 1}}).has_value());
  EXPECT_TRUE(bench.target.run(host, {.cdb = report_luns(), .in = 256}).good());
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready(), .lun = 0}).good());
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready(), .lun = 1}).good());
}

TEST(UnitAttention, ComesBeforeAnUnknownOpcodeAndAnInvalidField) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  change_capacity(bench);
  EXPECT_TRUE(bench.target.run(host, {.cdb = {0xff, 0, 0, 0, 0, 0}}).check(kCapacityDataHasChanged));
  EXPECT_TRUE(bench.target.run(host, {.cdb = {0xff, 0, 0, 0, 0, 0}}).check(kInvalidCommandOperationCode));
}

void deny_everything(Bench& bench) {
  bench.target.reactor().post_function([&] {
    publish_denials(
        *bench.log_a.lu, [](const NexusKey&) { return std::uint8_t{kDenyRead | kDenyWrite | kDenyOther}; }, nullptr);
  });
  bench.target.settle();
}

// SAM-5 5.3.3: a reset is told before RESERVATION CONFLICT, other conditions after it.
TEST(UnitAttention, OnlyResetsComeBeforeReservationConflict) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  LoopNexus& late = bench.target.login("iqn.2026-01.test:late");
  deny_everything(bench);
  change_capacity(bench);
  EXPECT_EQ(bench.target.run(host, {.cdb = read_10(0, 1), .in = 512}).status, Status::kReservationConflict);
  EXPECT_TRUE(bench.target.run(host, {.cdb = home()}).check(kCapacityDataHasChanged));
  EXPECT_TRUE(bench.target.run(late, {.cdb = read_10(0, 1), .in = 512}).check(kPowerOnOccurred));
  EXPECT_EQ(bench.target.run(late, {.cdb = read_10(0, 1), .in = 512}).status, Status::kReservationConflict);
}

}  // namespace
}  // namespace scsi::engine_test
