// Unit tests of SCSI commands: data, status, residuals, the command window, and what is refused.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::Opcode;
using pdu::RejectReason;

struct CommandTest : testing::Test {
  IscsiBench bench;
  test_support::FakeConnection& connection = bench.connect();
  Initiator host{bench, connection};
  FakeRouter& core() { return *bench.router; }
};

TEST_F(CommandTest, ReadGetsItsDataWithStatus) {
  host.must_log_in();
  host.read(1, 512);
  scsi::Command& command = core().command(1);
  EXPECT_EQ(command.direction, scsi::DataDirection::kIn);
  EXPECT_EQ(command.expected_length, 512u);
  EXPECT_EQ(command.cdb[0], 0x28);
  EXPECT_EQ(command.nexus->key.initiator.name, std::string(kHost) + ",i,0x00023d000001");
  EXPECT_EQ(command.nexus->port.identity().port_name, std::string(kTarget) + ",t,0x0001");
  std::vector<std::byte> data = pattern(512);
  core().send(command, data, true);
  const auto pdu = host.expect(Opcode::kDataIn);
  EXPECT_EQ(pdu.header.flags, pdu::DataIn::kFinal | pdu::DataIn::kStatus);
  EXPECT_EQ(pdu.data, data);
  EXPECT_EQ(connection.tasks(), 0u);
  EXPECT_TRUE(core().commands.empty());
}

TEST_F(CommandTest, StatusOfAReadThatTellsTheWindowCountsItsOwnSlotAsFree) {
  bench.config.targets[0].command_window = 1;
  ASSERT_TRUE(bench.apply());
  host.must_log_in();
  EXPECT_EQ(host.max_cmd_sn, 100u);
  host.read(1, 4);
  std::vector<std::byte> data = pattern(4);
  core().send(core().command(1), data, true);
  host.expect(Opcode::kDataIn);
  EXPECT_EQ(host.max_cmd_sn, 101u);
  host.read(2, 4);  // and it is accepted
  core().complete(core().command(2));
  host.expect_status(2);
  EXPECT_EQ(host.max_cmd_sn, 102u);
}

TEST_F(CommandTest, ReadInSeveralTransfersEndsWithTheLast) {
  host.must_log_in();
  host.read(1, 1024);
  std::vector<std::byte> data = pattern(512);
  connection.hold_answers = true;
  core().send(core().command(1), data, false);
  core().send(core().command(1), data, true, 512);
  bench.settle();
  EXPECT_EQ(core().commands.size(), 1u);
  connection.hold_answers = false;
  core().delivered.clear();
  host.read(2, 4);
  std::vector<std::byte> more = pattern(4);
  core().send(core().command(2), more, true);
  bench.settle();
  EXPECT_EQ(core().delivered.size(), 3u);
  EXPECT_EQ(connection.tasks(), 0u);
}

TEST_F(CommandTest, WriteFetchesDataAndAnswers) {
  host.must_log_in({{"ImmediateData", "Yes"}});
  const std::vector<std::byte> data = pattern(512);
  host.write(1, 512, data);
  std::vector<std::byte> got(512);
  core().receive(core().command(1), got);
  bench.settle();
  EXPECT_EQ(got, data);
  ASSERT_EQ(core().delivered.size(), 1u);
  EXPECT_EQ(core().delivered[0].second, scsi::Delivery::kDelivered);
  core().complete(core().command(1));
  host.expect_status(1);
}

TEST_F(CommandTest, SenseDataAndResidualsGoWithTheResponse) {
  host.must_log_in();
  host.read(1, 512);
  scsi::Command& command = core().command(1);
  command.response.residual = scsi::Response::Residual::kOverflow;
  command.response.residual_count = 99;
  command.response.sense_length = 18;
  command.response.sense[0] = std::byte{0x70};
  core().complete(command, scsi::Status::kCheckCondition);
  const auto pdu = host.expect(Opcode::kScsiResponse);
  EXPECT_EQ(pdu.header.flags, 0x80 | pdu::ScsiResponse::kOverflow);
  EXPECT_EQ(pdu.as<pdu::ScsiResponse>().residual_count, 99u);
  ASSERT_EQ(pdu.data.size(), 20u);
  EXPECT_EQ(pdu.data[0], std::byte{0});
  EXPECT_EQ(pdu.data[1], std::byte{18});
  EXPECT_EQ(pdu.data[2], std::byte{0x70});
}

TEST_F(CommandTest, StatusOfAWriteWaitsForTheLastDataOut) {
  host.must_log_in({{"InitialR2T", "No"}});
  host.write(1, 4096, {}, true);
  core().complete(core().command(1), scsi::Status::kReservationConflict);
  bench.settle();
  host.expect_nothing();
  connection.drain(1);
  host.expect_status(1, scsi::Status::kReservationConflict);
}

TEST_F(CommandTest, AttributesAndDirectionsReachTheCore) {
  host.must_log_in();
  const scsi::TaskAttribute wanted[] = {scsi::TaskAttribute::kSimple, scsi::TaskAttribute::kSimple,
                                        scsi::TaskAttribute::kOrdered, scsi::TaskAttribute::kHeadOfQueue,
                                        scsi::TaskAttribute::kAca};
  for (std::uint8_t attribute = 0; attribute < 5; ++attribute) {
    pdu::ScsiCommand request = host.command(attribute);
    request.flags = static_cast<std::uint8_t>(0x80 | attribute);
    request.priority = 0xf5;
    connection.deliver(request);
    scsi::Command& command = core().command(attribute);
    EXPECT_EQ(command.attribute, wanted[attribute]);
    EXPECT_EQ(command.direction, scsi::DataDirection::kNone);
    EXPECT_EQ(command.priority, 5);
    core().complete(command);
    host.expect_status(attribute);
  }
  pdu::ScsiCommand request = host.command(9);
  request.flags = 0x85;
  connection.deliver(request);
  host.expect_reject(RejectReason::kInvalidPduField);
}

// --- the window ---

TEST_F(CommandTest, CommandsOutsideTheWindowAreIgnored) {
  host.must_log_in();
  for (const std::uint32_t wrong : {99u, 50u, 100u - 0x7fffffffu, host.max_cmd_sn + 1, host.max_cmd_sn + 1000}) {
    pdu::ScsiCommand request = host.command(1);
    --host.cmd_sn;
    request.cmd_sn = wrong;
    connection.deliver(request);
  }
  EXPECT_TRUE(core().commands.empty());
  host.expect_nothing();
  host.read(2, 0);
  EXPECT_EQ(core().commands.size(), 1u);
}

TEST_F(CommandTest, CommandsAheadOfTheirTurnWaitForTheMissingOne) {
  host.must_log_in();
  pdu::ScsiCommand first = host.command(1);
  host.read(2, 0);
  host.read(3, 0);
  EXPECT_TRUE(core().commands.empty());
  connection.deliver(first);
  ASSERT_EQ(core().commands.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(core().commands[i]->tag, i + 1);
}

TEST_F(CommandTest, CopyOfACommandThatWaitsIsIgnoredAndTheFirstStillCompletes) {
  host.must_log_in();
  pdu::ScsiCommand first = host.command(1), second = host.command(2);
  connection.deliver(second);
  connection.deliver(second);
  connection.deliver(first);
  connection.deliver(first);  // now before the window
  host.expect_nothing();
  ASSERT_EQ(core().commands.size(), 2u);
  core().complete(core().command(1));
  core().complete(core().command(2));
  host.expect_status(1);
  host.expect_status(2);
}

TEST_F(CommandTest, WindowWrapsAroundTheEndOfTheNumbers) {
  host.cmd_sn = 0xfffffff0;
  host.must_log_in();
  for (std::uint32_t tag = 0; tag < 64; ++tag) {
    host.read(tag, 0);
    core().complete(core().command(tag));
    host.expect_status(tag);
  }
  EXPECT_EQ(host.max_cmd_sn, 0xfffffff0u + 64 + 127);
}

TEST_F(CommandTest, WindowShrinksWithEveryCommandInHandAndReopens) {
  bench.config.targets[0].command_window = 4;
  ASSERT_TRUE(bench.apply());
  host.must_log_in();
  for (std::uint32_t tag = 1; tag <= 4; ++tag) host.read(tag, 0);
  host.nop(50, {}, true);
  host.expect(Opcode::kNopIn);
  EXPECT_EQ(host.max_cmd_sn, 103u);  // shut: ExpCmdSN is 104
  pdu::ScsiCommand fifth = host.command(5);
  connection.deliver(fifth);
  EXPECT_EQ(core().commands.size(), 4u);
  core().complete(core().command(2));
  host.expect_status(2);
  EXPECT_EQ(host.max_cmd_sn, 104u);
  connection.deliver(fifth);
  EXPECT_EQ(core().commands.size(), 4u);
}

TEST_F(CommandTest, DropThatOpensAShutWindowIsToldByANopIn) {
  bench.config.targets[0].command_window = 1;
  ASSERT_TRUE(bench.apply());
  host.must_log_in();
  host.read(1, 0);
  core().drop(core().command(1));
  const auto pdu = host.expect(Opcode::kNopIn);
  EXPECT_EQ(pdu.header.initiator_task_tag, pdu::kReservedTag);
  EXPECT_EQ(pdu.as<pdu::NopIn>().target_transfer_tag, pdu::kReservedTag);
  EXPECT_EQ(host.max_cmd_sn, 101u);
}

// --- immediate commands ---

TEST_F(CommandTest, ImmediateCommandsPassTheWindowUpToTheirLimit) {
  bench.config.targets[0].command_window = 1;
  ASSERT_TRUE(bench.apply());
  host.must_log_in();
  host.read(1, 0);
  for (std::uint32_t tag = 10; tag < 18; ++tag) connection.deliver(host.command(tag, true));
  EXPECT_EQ(core().commands.size(), 9u);
  connection.deliver(host.command(18, true));
  host.expect_reject(RejectReason::kTooManyImmediateCommands);
  core().complete(core().command(10));
  host.expect_status(10);
  connection.deliver(host.command(19, true));
  EXPECT_EQ(core().commands.size(), 9u);
}

TEST_F(CommandTest, ImmediateCommandDoesNotWaitForMissingOnes) {
  host.must_log_in();
  static_cast<void>(host.command(1));  // lost
  connection.deliver(host.command(2, true));
  EXPECT_EQ(core().commands.size(), 1u);
}

// --- wrong commands ---

TEST_F(CommandTest, TagInUseIsRejectedAndItsNumberStaysMissing) {
  host.must_log_in();
  host.read(1, 0);
  host.read(1, 0);
  host.expect_reject(RejectReason::kTaskInProgress);
  host.read(2, 0);
  EXPECT_EQ(core().commands.size(), 1u);  // waits for the number that was not received
  --host.cmd_sn;
  --host.cmd_sn;
  host.read(3, 0);
  ++host.cmd_sn;
  EXPECT_EQ(core().commands.size(), 3u);
}

TEST_F(CommandTest, ReservedTagIsRejected) {
  host.must_log_in();
  host.read(pdu::kReservedTag, 0);
  host.expect_reject(RejectReason::kInvalidPduField);
}

TEST_F(CommandTest, DigestErrorIsRejectedAndTheRetrySucceeds) {
  host.must_log_in();
  pdu::ScsiCommand request = host.command(1);
  request.flags = 0xa1;
  request.expected_data_transfer_length = 16;
  connection.deliver(request, pattern(16), {}, true);
  host.expect_reject(RejectReason::kDataDigestError);
  host.read(2, 0);
  EXPECT_TRUE(core().commands.empty());
  connection.deliver(request, pattern(16));
  ASSERT_EQ(core().commands.size(), 2u);
  EXPECT_EQ(core().commands[0]->tag, 1u);
  EXPECT_EQ(bench.counters().digest_errors, 1u);
}

struct UnsolicitedCase {
  const char* initial_r2t;
  const char* immediate_data;
  std::uint32_t first_burst, length, immediate;
  bool more_follows, fault;
};
class UnsolicitedData : public CommandTest, public testing::WithParamInterface<UnsolicitedCase> {};

TEST_P(UnsolicitedData, IsTakenOrAnsweredWithItsCondition) {
  const UnsolicitedCase& given = GetParam();
  host.must_log_in({{"InitialR2T", given.initial_r2t},
                    {"ImmediateData", given.immediate_data},
                    {"FirstBurstLength", std::to_string(given.first_burst)}});
  host.write(1, given.length, pattern(given.immediate), given.more_follows);
  EXPECT_EQ(core().commands.size(), given.fault ? 0u : 1u);
  if (!given.fault) {
    core().complete(core().command(1));
    if (given.more_follows) connection.drain(1);
    host.expect_status(1);
    return;
  }
  if (given.more_follows) {
    bench.settle();
    host.expect_nothing();
    connection.drain(1);
  }
  const auto pdu = host.expect(Opcode::kScsiResponse);
  EXPECT_EQ(pdu.as<pdu::ScsiResponse>().status, 0x02);
  ASSERT_GE(pdu.data.size(), 20u);
  EXPECT_EQ(pdu.data[2 + 2], std::byte{0x0b});
  EXPECT_EQ(pdu.data[2 + 12], std::byte{0x0c});
  EXPECT_EQ(pdu.data[2 + 13], std::byte{0x0c});
}

INSTANTIATE_TEST_SUITE_P(All, UnsolicitedData,
                         testing::Values(UnsolicitedCase{"Yes", "Yes", 4096, 8192, 4096, false, false},
                                         UnsolicitedCase{"Yes", "Yes", 4096, 8192, 4097, false, true},
                                         UnsolicitedCase{"Yes", "No", 4096, 8192, 1, false, true},
                                         UnsolicitedCase{"Yes", "No", 4096, 8192, 0, false, false},
                                         UnsolicitedCase{"Yes", "Yes", 4096, 8192, 512, true, true},
                                         UnsolicitedCase{"No", "Yes", 4096, 8192, 512, true, false},
                                         UnsolicitedCase{"No", "No", 4096, 8192, 0, true, false},
                                         UnsolicitedCase{"No", "No", 4096, 8192, 512, true, true},
                                         UnsolicitedCase{"Yes", "Yes", 4096, 512, 513, false, true},
                                         UnsolicitedCase{"Yes", "Yes", 4096, 0, 1, false, true}));

TEST_F(CommandTest, HeadersThatMakeNoSenseAreRejected) {
  host.must_log_in();
  pdu::ScsiCommand no_final = host.command(1);
  no_final.flags = 0x01;  // neither F nor W
  connection.deliver(no_final);
  host.expect_reject(RejectReason::kInvalidPduField);
  pdu::ScsiCommand data_without_write = no_final;
  data_without_write.flags = 0xc1;
  connection.deliver(data_without_write, pattern(4));
  host.expect_reject(RejectReason::kInvalidPduField);
  pdu::ScsiCommand both_ways = no_final;
  both_ways.flags = 0xe1;  // R and W without the read length
  connection.deliver(both_ways);
  host.expect_reject(RejectReason::kInvalidPduField);
}

// --- additional header segments ---

std::vector<std::byte> ahs(std::uint8_t type, std::size_t body, std::uint16_t length) {
  std::vector<std::byte> bytes(3 + 1 + body);
  bytes[0] = static_cast<std::byte>(length >> 8);
  bytes[1] = static_cast<std::byte>(length);
  bytes[2] = static_cast<std::byte>(type);
  for (std::size_t i = 0; i < body; ++i) bytes[4 + i] = static_cast<std::byte>(0x80 + i);
  bytes.resize((bytes.size() + 3) & ~std::size_t{3});
  return bytes;
}

TEST_F(CommandTest, LongCdbsOfEveryLengthReachTheCoreWhole) {
  host.must_log_in();
  std::uint32_t tag = 0;
  for (std::size_t extra = 1; extra <= 244; ++extra) {
    pdu::ScsiCommand request = host.command(++tag);
    request.cdb[15] = 0x0f;
    connection.deliver(request, {}, ahs(1, extra, static_cast<std::uint16_t>(extra + 1)));
    scsi::Command& command = core().command(tag);
    ASSERT_EQ(command.cdb_length, 16 + extra);
    EXPECT_EQ(command.cdb[15], 0x0f);
    EXPECT_EQ(command.cdb[16], 0x80);
    EXPECT_EQ(command.cdb[15 + extra], static_cast<std::uint8_t>(0x80 + extra - 1));
    core().complete(command);
    host.expect_status(tag);
  }
}

TEST_F(CommandTest, ShortCdbAfterALongOneIsPaddedWithZeros) {
  host.must_log_in();
  connection.deliver(host.command(1), {}, ahs(1, 244, 245));
  core().complete(core().command(1));
  host.expect_status(1);
  connection.deliver(host.command(2));
  const scsi::Command& command = core().command(2);
  EXPECT_EQ(command.cdb_length, 16);
  for (std::size_t i = 16; i < 32; ++i) EXPECT_EQ(command.cdb[i], 0) << i;
}

TEST_F(CommandTest, WrongAdditionalHeaderSegmentsAreRejected) {
  host.must_log_in();
  std::vector<std::vector<std::byte>> wrong;
  wrong.push_back(ahs(1, 245, 246));  // a CDB of 261 bytes
  wrong.push_back(ahs(1, 0, 1));      // nothing in it
  wrong.push_back(ahs(1, 0, 0));
  wrong.push_back(ahs(1, 4, 50));  // longer than the segment
  wrong.push_back(ahs(1, 4, 0xffff));
  wrong.push_back(ahs(7, 4, 5));  // unknown
  wrong.push_back(ahs(0, 4, 5));
  wrong.push_back(ahs(2, 4, 5));  // bidirectional, but R and W are not set
  std::vector<std::byte> twice = ahs(1, 4, 5);
  const std::vector<std::byte> again = twice;
  twice.insert(twice.end(), again.begin(), again.end());
  wrong.push_back(twice);
  for (const auto& segment : wrong) {
    pdu::ScsiCommand request = host.command(1);
    --host.cmd_sn;
    connection.deliver(request, {}, segment);
    host.expect_reject(RejectReason::kInvalidPduField);
  }
  EXPECT_TRUE(core().commands.empty());
}

TEST_F(CommandTest, BidirectionalCommandReachesTheCoreToBeRefused) {
  host.must_log_in();
  pdu::ScsiCommand request = host.command(1);
  request.flags = 0xe1;
  request.expected_data_transfer_length = 512;
  std::vector<std::byte> segment = ahs(2, 4, 5);
  segment[4] = segment[5] = std::byte{0};
  segment[6] = std::byte{1};
  segment[7] = std::byte{0};  // 256
  connection.deliver(request, {}, segment);
  EXPECT_EQ(core().command(1).direction, scsi::DataDirection::kBidirectional);
  core().complete(core().command(1), scsi::Status::kCheckCondition);
  const auto pdu = host.expect(Opcode::kScsiResponse);
  EXPECT_NE(pdu.header.flags & pdu::ScsiResponse::kBidiUnderflow, 0);
  EXPECT_EQ(pdu.as<pdu::ScsiResponse>().bidi_read_residual_count, 256u);
}

// --- wrong Data-Out ---

struct DataOutCase {
  RejectReason reason;
  bool unsolicited, rejected;
  std::uint8_t asc, ascq;
  std::uint32_t offset = 0;
  bool final = false;
};
class WrongDataOut : public CommandTest, public testing::WithParamInterface<DataOutCase> {};

TEST_P(WrongDataOut, EndsItsTaskWithTheRightCondition) {
  const DataOutCase& given = GetParam();
  host.must_log_in({{"InitialR2T", "No"}});
  host.write(1, 8192, {}, given.unsolicited);
  std::vector<std::byte> into(8192);
  connection.hold_get = true;
  core().receive(core().command(1), into);
  bench.settle();
  pdu::DataOut data_out;
  data_out.initiator_task_tag = 1;
  data_out.target_transfer_tag = given.unsolicited ? pdu::kReservedTag : 5;
  data_out.buffer_offset = given.offset;
  if (given.final) data_out.flags = 0x80;
  connection.reject_data_out(data_out, given.reason);
  if (given.rejected) host.expect_reject(given.reason);
  host.expect_nothing();
  connection.drain(1);
  bench.settle();
  ASSERT_EQ(core().delivered.size(), 1u);
  EXPECT_EQ(core().delivered[0].second, scsi::Delivery::kFailed);
  EXPECT_EQ(core().command(1).transfer_failure,
            (scsi::SenseCode{scsi::SenseKey::kAbortedCommand, given.asc, given.ascq}));
  core().complete(core().command(1), scsi::Status::kCheckCondition);
  host.expect_status(1, scsi::Status::kCheckCondition);
}

INSTANTIATE_TEST_SUITE_P(All, WrongDataOut,
                         testing::Values(DataOutCase{RejectReason::kDataDigestError, true, true, 0x47, 0x05},
                                         DataOutCase{RejectReason::kDataDigestError, false, true, 0x47, 0x05},
                                         DataOutCase{RejectReason::kInvalidPduField, false, true, 0x0c, 0x0d},
                                         DataOutCase{RejectReason::kInvalidPduField, true, true, 0x0c, 0x0d},
                                         DataOutCase{RejectReason::kInvalidPduField, true, false, 0x0c, 0x0c, 65537},
                                         DataOutCase{RejectReason::kInvalidPduField, true, false, 0x0c, 0x0d, 512,
                                                     true}));

TEST_F(CommandTest, DataOfARejectedCommandIsDroppedInSilence) {
  host.must_log_in({{"InitialR2T", "No"}});
  pdu::ScsiCommand request = host.command(1);
  request.flags = 0x25;  // W, data follows, attribute 5
  connection.deliver(request);
  host.expect_reject(RejectReason::kInvalidPduField);
  pdu::DataOut data_out;
  data_out.initiator_task_tag = 1;
  data_out.target_transfer_tag = pdu::kReservedTag;
  connection.deliver(data_out);
  host.expect_nothing();
  data_out.initiator_task_tag = 2;
  connection.deliver(data_out);
  host.expect_reject(RejectReason::kInvalidPduField);
}

}  // namespace
}  // namespace iscsi
