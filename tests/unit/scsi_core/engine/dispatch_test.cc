// Unit tests of dispatch: LUNs, opcodes, usage bits, the state of the unit.
#include <gtest/gtest.h>

#include <cstring>

#include "scsi_core/logical_unit.h"
#include "scsi_core/lu_control.h"
#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

struct FieldPointer {
  bool valid, in_cdb, bit_valid;
  int bit, byte;
  bool operator==(const FieldPointer&) const = default;
};

FieldPointer field_pointer(const Reply& reply) {  // fixed format, bytes 15..17
  const auto at = [&](std::size_t i) { return static_cast<int>(reply.sense_bytes[i]); };
  return {(at(15) & 0x80) != 0, (at(15) & 0x40) != 0, (at(15) & 8) != 0, at(15) & 7, at(16) << 8 | at(17)};
}

struct Dispatch : testing::Test {
  Bench bench;
  LoopNexus& host = bench.login("host");
  Reply run(Request request) { return bench.target.run(host, std::move(request)); }
};

TEST_F(Dispatch, ReadReturnsWhatTheMediumHoldsWithGood) {
  const Reply reply = run({.cdb = read_10(7, 2), .in = 1024});
  ASSERT_TRUE(reply.good());
  ASSERT_EQ(reply.data.size(), 1024u);
  EXPECT_EQ(std::memcmp(reply.data.data(), bench.medium_a.bytes.data() + 7 * 512, 1024), 0);
  EXPECT_EQ(reply.residual, Response::Residual::kNone);
}

TEST_F(Dispatch, WriteReachesTheMediumOfItsLun) {
  const std::vector<std::byte> data(512, std::byte{0x5a});
  ASSERT_TRUE(run({.cdb = write_10(3, 1), .lun = 1, .out = data}).good());
  EXPECT_EQ(std::memcmp(data.data(), bench.medium_b.bytes.data() + 3 * 512, 512), 0);
  EXPECT_NE(std::memcmp(data.data(), bench.medium_a.bytes.data() + 3 * 512, 512), 0);
}

TEST_F(Dispatch, NewNexusIsToldOfPowerOnOnceAtEachUnit) {
  LoopNexus& fresh = bench.target.login("iqn.2026-01.test:fresh");
  EXPECT_TRUE(bench.target.run(fresh, {.cdb = test_unit_ready()}).check(kPowerOnOccurred));
  EXPECT_TRUE(bench.target.run(fresh, {.cdb = test_unit_ready()}).good());
  EXPECT_TRUE(bench.target.run(fresh, {.cdb = test_unit_ready(), .lun = 1}).check(kPowerOnOccurred));
}

TEST_F(Dispatch, UnmappedLunAnswersLogicalUnitNotSupported) {
  for (const std::uint32_t lun : {2u, 31u, 32u, 63u, 64u, 255u, 256u, 16383u}) {
    EXPECT_TRUE(run({.cdb = test_unit_ready(), .lun = lun}).check(kLogicalUnitNotSupported)) << lun;
    EXPECT_TRUE(run({.cdb = read_10(0, 1), .lun = lun, .in = 512}).check(kLogicalUnitNotSupported)) << lun;
  }
}

TEST_F(Dispatch, InquiryAndReportLunsAnswerAtAnyLun) {
  EXPECT_TRUE(run({.cdb = inquiry(), .lun = 9, .in = 36}).good());
  const Reply luns = run({.cdb = report_luns(), .lun = 300, .in = 256});
  ASSERT_TRUE(luns.good());
  EXPECT_EQ(luns.data.size(), 8u + 2 * 8);
}

TEST_F(Dispatch, LunsOfEverySizeReachTheirUnit) {
  ASSERT_TRUE(bench.target.map({{"a", 31}, {"b", 32}, {"a", 255}, {"b", 256}, {"a", 16383}}).has_value());
  for (const std::uint32_t lun : {31u, 32u, 255u, 256u, 16383u}) {
    bench.target.clear_attentions(host, lun);
    const Reply reply = run({.cdb = read_10(1, 1), .lun = lun, .in = 512});
    ASSERT_TRUE(reply.good()) << lun;
    const auto& medium = lun == 32 || lun == 256 ? bench.medium_b : bench.medium_a;
    EXPECT_EQ(std::memcmp(reply.data.data(), medium.bytes.data() + 512, 512), 0) << lun;
  }
}

TEST_F(Dispatch, FlatAddressOfASmallLunIsTheSameUnit) {
  EXPECT_TRUE(run({.cdb = test_unit_ready(), .lun_bytes = {{0x40, 0x01, 0, 0, 0, 0, 0, 0}}}).good());
}

TEST_F(Dispatch, OtherLunFormatsAreNotSupported) {
  EXPECT_TRUE(run({.cdb = test_unit_ready(), .lun_bytes = {{0, 0, 1, 0, 0, 0, 0, 0}}}).check(kLogicalUnitNotSupported));
  EXPECT_TRUE(run({.cdb = test_unit_ready(), .lun_bytes = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}})
                  .check(kLogicalUnitNotSupported));
}

TEST_F(Dispatch, ReportLunsWellKnownUnitKnowsReportLunsOnly) {
  const auto well_known = kReportLunsWellKnown.bytes;
  EXPECT_TRUE(run({.cdb = report_luns(), .in = 256, .lun_bytes = well_known}).good());
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512, .lun_bytes = well_known}).check(kInvalidCommandOperationCode));
}

TEST_F(Dispatch, UnknownOpcodeAnswersInvalidCommandOperationCode) {
  EXPECT_TRUE(run({.cdb = {0xc7, 1, 2, 3, 4, 5}}).check(kInvalidCommandOperationCode));
}

TEST_F(Dispatch, UnknownServiceActionPointsAtItsField) {
  const Reply reply = run({.cdb = {0xa3, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}});
  ASSERT_TRUE(reply.check(kInvalidFieldInCdb));
  EXPECT_EQ(field_pointer(reply), (FieldPointer{true, true, true, 4, 1}));
}

TEST_F(Dispatch, ReservedBitPointsAtTheFirstByteAndItsHighestBit) {
  auto cdb = read_10(0, 1);
  cdb[1] = 0xc0;
  cdb[6] = 0x1f;
  const Reply reply = run({.cdb = cdb, .in = 512});
  ASSERT_TRUE(reply.check(kInvalidFieldInCdb));
  EXPECT_EQ(field_pointer(reply), (FieldPointer{true, true, true, 7, 1}));
  cdb[1] = 0;
  EXPECT_EQ(field_pointer(run({.cdb = cdb, .in = 512})), (FieldPointer{true, true, true, 4, 6}));
}

TEST_F(Dispatch, NacaIsRefusedAtTheControlByte) {
  auto cdb = read_10(0, 1);
  cdb[9] = 0x04;
  const Reply reply = run({.cdb = cdb, .in = 512});
  ASSERT_TRUE(reply.check(kInvalidFieldInCdb));
  EXPECT_EQ(field_pointer(reply), (FieldPointer{true, true, true, 2, 9}));
}

TEST_F(Dispatch, BytesBehindTheCdbAreNotLookedAt) {
  auto cdb = test_unit_ready();
  cdb.resize(16, 0xff);
  EXPECT_TRUE(run({.cdb = cdb}).good());
}

TEST_F(Dispatch, CdbThatEndsTooEarlyIsRefused) {
  auto cdb = read_10(0, 1);
  cdb.resize(8);
  EXPECT_TRUE(run({.cdb = cdb, .in = 512}).check(kInvalidFieldInCdb));
}

TEST_F(Dispatch, BidirectionalCommandIsRefused) {
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512, .direction = DataDirection::kBidirectional})
                  .check(kInvalidFieldInCommandInformationUnit));
}

TEST_F(Dispatch, AcaAttributeIsRefusedWithoutAcaCondition) {
  EXPECT_TRUE(run({.cdb = test_unit_ready(), .attribute = TaskAttribute::kAca}).check(kInvalidMessageError));
}

TEST_F(Dispatch, StateOfTheUnitStopsWhatNeedsTheMedium) {
  const struct {
    std::uint32_t flag;
    SenseCode code;
  } cases[] = {{kLuEjected, kMediumNotPresent},
               {kLuStopped, kInitializingCommandRequired},
               {kLuFailed, kManualInterventionRequired},
               {kLuMetadataUnreadable, kManualInterventionRequired}};
  for (const auto& one : cases) {
    bench.log_a.lu->flags |= one.flag;
    EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).check(one.code));
    EXPECT_TRUE(run({.cdb = test_unit_ready()}).check(one.code));
    EXPECT_TRUE(run({.cdb = inquiry(), .in = 36}).good());
    bench.log_a.lu->flags &= ~one.flag;
  }
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).good());
}

TEST_F(Dispatch, WriteProtectionStopsWritesBeforeDataIsAskedFor) {
  const std::vector<std::byte> data(512);
  bench.log_a.lu->flags |= kLuWriteProtected;
  const Reply reply = run({.cdb = write_10(0, 1), .out = data});
  EXPECT_TRUE(reply.check(kWriteProtected));
  EXPECT_EQ(reply.data_out_bytes, 0u);
  EXPECT_TRUE(run({.cdb = read_10(0, 1), .in = 512}).good());
  bench.log_a.lu->flags &= ~std::uint32_t{kLuWriteProtected};
  bench.log_a.lu->flags |= kLuSoftwareWriteProtected;
  EXPECT_TRUE(run({.cdb = write_10(0, 1), .out = data}).check(kLogicalUnitSoftwareWriteProtected));
}

TEST_F(Dispatch, ReadOnlyViewProtectsForItsNexusesOnly) {
  ViewTable table;
  table.host_groups = {{"readers", {"iqn.2026-01.test:host"}}, {"writers", {"iqn.2026-01.test:w*"}}};
  table.views = {{"a", "readers", "", 0, true}, {"a", "writers", "", 0, false}};
  ASSERT_TRUE(bench.target.wait([&](Done done) { bench.target.core().set_views(table, done); }).has_value());
  LoopNexus& writer = bench.target.login("iqn.2026-01.test:writer");
  bench.target.clear_attentions(writer);
  bench.target.clear_attentions(host);
  const std::vector<std::byte> data(512);
  EXPECT_TRUE(run({.cdb = write_10(0, 1), .out = data}).check(kWriteProtected));
  EXPECT_TRUE(bench.target.run(writer, {.cdb = write_10(0, 1), .out = data}).good());
}

// The bits of a nexus against the class of the row (SPC-5 tables 66-68).
TEST_F(Dispatch, DenialsStopTheirClassOfCommands) {
  const auto deny = [&](std::uint8_t bits) {
    bench.target.reactor().post_function([&, bits] {
      publish_denials(
          *bench.log_a.lu, [bits](const NexusKey&) { return bits; }, nullptr);
    });
    bench.target.settle();
  };
  const auto conflicts = [&](Request request) {
    return run(std::move(request)).status == Status::kReservationConflict;
  };
  const Request read{.cdb = read_10(0, 1), .in = 512}, write{.cdb = write_10(0, 1), .out = std::vector<std::byte>(512)};
  const Request select{.cdb = parameter_list(4), .out = std::vector<std::byte>(4)};
  deny(kDenyWrite);
  EXPECT_FALSE(conflicts(read) || conflicts(select));
  EXPECT_TRUE(conflicts(write));
  deny(kDenyRead | kDenyWrite);
  EXPECT_TRUE(conflicts(read) && conflicts(write));
  deny(kDenyOther);
  EXPECT_TRUE(conflicts(select));
  EXPECT_FALSE(conflicts({.cdb = inquiry(), .in = 36}));
  deny(0);
  EXPECT_FALSE(conflicts(read) || conflicts(write) || conflicts(select));
}

TEST_F(Dispatch, DenialsHoldForNexusesThatComeLaterOnAnyReactor) {
  Bench two(2);
  two.target.reactor(0).post_function([&] {
    publish_denials(
        *two.log_a.lu,
        [](const NexusKey& key) -> std::uint8_t {
          return key.initiator.name.find(":holder") == std::string::npos ? kDenyRead : 0;
        },
        nullptr);
  });
  two.target.settle();
  LoopNexus& holder = two.target.login("iqn.2026-01.test:holder", 1);
  LoopNexus& other = two.target.login("iqn.2026-01.test:other", 1);
  for (LoopNexus* nexus : {&holder, &other}) two.target.run(*nexus, {.cdb = test_unit_ready()});  // power on
  EXPECT_TRUE(two.target.run(holder, {.cdb = read_10(0, 1), .in = 512}).good());
  EXPECT_EQ(two.target.run(other, {.cdb = read_10(0, 1), .in = 512}).status, Status::kReservationConflict);
}

}  // namespace
}  // namespace scsi::engine_test
