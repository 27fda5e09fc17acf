// Places of the fields of iSCSI PDUs, typed in again from RFC 7143 section 11.
#include <gtest/gtest.h>

#include <cstddef>

#include "hal/port/iscsi_pdu.h"

namespace hal::iscsi {
namespace {

struct PduField {
  const char* name;
  std::size_t offset, size;  // as the struct has it
  std::size_t byte, width;   // as the standard has it
};
#define FIELD(type, member, byte, width) \
  PduField { #type "." #member, offsetof(type, member), sizeof(type::member), byte, width }

constexpr PduField kFields[] = {
    // 11.2.1
    FIELD(BasicHeader, opcode, 0, 1),
    FIELD(BasicHeader, flags, 1, 1),
    FIELD(BasicHeader, total_ahs_length, 4, 1),
    FIELD(BasicHeader, data_segment_length, 5, 3),
    FIELD(BasicHeader, lun, 8, 8),
    FIELD(BasicHeader, initiator_task_tag, 16, 4),
    // 11.3
    FIELD(ScsiCommand, flags, 1, 1),
    FIELD(ScsiCommand, priority, 3, 1),
    FIELD(ScsiCommand, total_ahs_length, 4, 1),
    FIELD(ScsiCommand, data_segment_length, 5, 3),
    FIELD(ScsiCommand, lun, 8, 8),
    FIELD(ScsiCommand, initiator_task_tag, 16, 4),
    FIELD(ScsiCommand, expected_data_transfer_length, 20, 4),
    FIELD(ScsiCommand, cmd_sn, 24, 4),
    FIELD(ScsiCommand, exp_stat_sn, 28, 4),
    FIELD(ScsiCommand, cdb, 32, 16),
    // 11.4
    FIELD(ScsiResponse, flags, 1, 1),
    FIELD(ScsiResponse, response, 2, 1),
    FIELD(ScsiResponse, status, 3, 1),
    FIELD(ScsiResponse, data_segment_length, 5, 3),
    FIELD(ScsiResponse, initiator_task_tag, 16, 4),
    FIELD(ScsiResponse, snack_tag, 20, 4),
    FIELD(ScsiResponse, stat_sn, 24, 4),
    FIELD(ScsiResponse, exp_cmd_sn, 28, 4),
    FIELD(ScsiResponse, max_cmd_sn, 32, 4),
    FIELD(ScsiResponse, exp_data_sn, 36, 4),
    FIELD(ScsiResponse, bidi_read_residual_count, 40, 4),
    FIELD(ScsiResponse, residual_count, 44, 4),
    // 11.5
    FIELD(TaskManagementRequest, flags, 1, 1),
    FIELD(TaskManagementRequest, lun, 8, 8),
    FIELD(TaskManagementRequest, initiator_task_tag, 16, 4),
    FIELD(TaskManagementRequest, referenced_task_tag, 20, 4),
    FIELD(TaskManagementRequest, cmd_sn, 24, 4),
    FIELD(TaskManagementRequest, exp_stat_sn, 28, 4),
    FIELD(TaskManagementRequest, ref_cmd_sn, 32, 4),
    FIELD(TaskManagementRequest, exp_data_sn, 36, 4),
    // 11.6
    FIELD(TaskManagementResponse, response, 2, 1),
    FIELD(TaskManagementResponse, initiator_task_tag, 16, 4),
    FIELD(TaskManagementResponse, stat_sn, 24, 4),
    FIELD(TaskManagementResponse, exp_cmd_sn, 28, 4),
    FIELD(TaskManagementResponse, max_cmd_sn, 32, 4),
    // 11.7
    FIELD(DataOut, flags, 1, 1),
    FIELD(DataOut, data_segment_length, 5, 3),
    FIELD(DataOut, lun, 8, 8),
    FIELD(DataOut, initiator_task_tag, 16, 4),
    FIELD(DataOut, target_transfer_tag, 20, 4),
    FIELD(DataOut, exp_stat_sn, 28, 4),
    FIELD(DataOut, data_sn, 36, 4),
    FIELD(DataOut, buffer_offset, 40, 4),
    // 11.7
    FIELD(DataIn, flags, 1, 1),
    FIELD(DataIn, status, 3, 1),
    FIELD(DataIn, data_segment_length, 5, 3),
    FIELD(DataIn, lun, 8, 8),
    FIELD(DataIn, initiator_task_tag, 16, 4),
    FIELD(DataIn, target_transfer_tag, 20, 4),
    FIELD(DataIn, stat_sn, 24, 4),
    FIELD(DataIn, exp_cmd_sn, 28, 4),
    FIELD(DataIn, max_cmd_sn, 32, 4),
    FIELD(DataIn, data_sn, 36, 4),
    FIELD(DataIn, buffer_offset, 40, 4),
    FIELD(DataIn, residual_count, 44, 4),
    // 11.8
    FIELD(R2t, lun, 8, 8),
    FIELD(R2t, initiator_task_tag, 16, 4),
    FIELD(R2t, target_transfer_tag, 20, 4),
    FIELD(R2t, stat_sn, 24, 4),
    FIELD(R2t, exp_cmd_sn, 28, 4),
    FIELD(R2t, max_cmd_sn, 32, 4),
    FIELD(R2t, r2t_sn, 36, 4),
    FIELD(R2t, buffer_offset, 40, 4),
    FIELD(R2t, desired_data_transfer_length, 44, 4),
    // 11.9
    FIELD(AsyncMessage, lun, 8, 8),
    FIELD(AsyncMessage, stat_sn, 24, 4),
    FIELD(AsyncMessage, exp_cmd_sn, 28, 4),
    FIELD(AsyncMessage, max_cmd_sn, 32, 4),
    FIELD(AsyncMessage, async_event, 36, 1),
    FIELD(AsyncMessage, async_vcode, 37, 1),
    FIELD(AsyncMessage, parameter1, 38, 2),
    FIELD(AsyncMessage, parameter2, 40, 2),
    FIELD(AsyncMessage, parameter3, 42, 2),
    // 11.10
    FIELD(TextRequest, flags, 1, 1),
    FIELD(TextRequest, lun, 8, 8),
    FIELD(TextRequest, initiator_task_tag, 16, 4),
    FIELD(TextRequest, target_transfer_tag, 20, 4),
    FIELD(TextRequest, cmd_sn, 24, 4),
    FIELD(TextRequest, exp_stat_sn, 28, 4),
    // 11.11
    FIELD(TextResponse, flags, 1, 1),
    FIELD(TextResponse, lun, 8, 8),
    FIELD(TextResponse, initiator_task_tag, 16, 4),
    FIELD(TextResponse, target_transfer_tag, 20, 4),
    FIELD(TextResponse, stat_sn, 24, 4),
    FIELD(TextResponse, exp_cmd_sn, 28, 4),
    FIELD(TextResponse, max_cmd_sn, 32, 4),
    // 11.12
    FIELD(LoginRequest, flags, 1, 1),
    FIELD(LoginRequest, version_max, 2, 1),
    FIELD(LoginRequest, version_min, 3, 1),
    FIELD(LoginRequest, total_ahs_length, 4, 1),
    FIELD(LoginRequest, data_segment_length, 5, 3),
    FIELD(LoginRequest, isid, 8, 6),
    FIELD(LoginRequest, tsih, 14, 2),
    FIELD(LoginRequest, initiator_task_tag, 16, 4),
    FIELD(LoginRequest, cid, 20, 2),
    FIELD(LoginRequest, cmd_sn, 24, 4),
    FIELD(LoginRequest, exp_stat_sn, 28, 4),
    // 11.13
    FIELD(LoginResponse, flags, 1, 1),
    FIELD(LoginResponse, version_max, 2, 1),
    FIELD(LoginResponse, version_active, 3, 1),
    FIELD(LoginResponse, data_segment_length, 5, 3),
    FIELD(LoginResponse, isid, 8, 6),
    FIELD(LoginResponse, tsih, 14, 2),
    FIELD(LoginResponse, initiator_task_tag, 16, 4),
    FIELD(LoginResponse, stat_sn, 24, 4),
    FIELD(LoginResponse, exp_cmd_sn, 28, 4),
    FIELD(LoginResponse, max_cmd_sn, 32, 4),
    FIELD(LoginResponse, status, 36, 2),
    // 11.14
    FIELD(LogoutRequest, flags, 1, 1),
    FIELD(LogoutRequest, initiator_task_tag, 16, 4),
    FIELD(LogoutRequest, cid, 20, 2),
    FIELD(LogoutRequest, cmd_sn, 24, 4),
    FIELD(LogoutRequest, exp_stat_sn, 28, 4),
    // 11.15
    FIELD(LogoutResponse, response, 2, 1),
    FIELD(LogoutResponse, initiator_task_tag, 16, 4),
    FIELD(LogoutResponse, stat_sn, 24, 4),
    FIELD(LogoutResponse, exp_cmd_sn, 28, 4),
    FIELD(LogoutResponse, max_cmd_sn, 32, 4),
    FIELD(LogoutResponse, time2wait, 40, 2),
    FIELD(LogoutResponse, time2retain, 42, 2),
    // 11.16
    FIELD(SnackRequest, flags, 1, 1),
    FIELD(SnackRequest, lun, 8, 8),
    FIELD(SnackRequest, initiator_task_tag, 16, 4),
    FIELD(SnackRequest, target_transfer_tag, 20, 4),
    FIELD(SnackRequest, exp_stat_sn, 28, 4),
    FIELD(SnackRequest, beg_run, 40, 4),
    FIELD(SnackRequest, run_length, 44, 4),
    // 11.17
    FIELD(Reject, reason, 2, 1),
    FIELD(Reject, data_segment_length, 5, 3),
    FIELD(Reject, stat_sn, 24, 4),
    FIELD(Reject, exp_cmd_sn, 28, 4),
    FIELD(Reject, max_cmd_sn, 32, 4),
    FIELD(Reject, data_sn, 36, 4),
    // 11.18
    FIELD(NopOut, lun, 8, 8),
    FIELD(NopOut, initiator_task_tag, 16, 4),
    FIELD(NopOut, target_transfer_tag, 20, 4),
    FIELD(NopOut, cmd_sn, 24, 4),
    FIELD(NopOut, exp_stat_sn, 28, 4),
    // 11.19
    FIELD(NopIn, lun, 8, 8),
    FIELD(NopIn, initiator_task_tag, 16, 4),
    FIELD(NopIn, target_transfer_tag, 20, 4),
    FIELD(NopIn, stat_sn, 24, 4),
    FIELD(NopIn, exp_cmd_sn, 28, 4),
    FIELD(NopIn, max_cmd_sn, 32, 4),
    // 11.2.2.1
    FIELD(AhsHeader, length, 0, 2),
    FIELD(AhsHeader, type, 2, 1),
};

TEST(IscsiLayout, FieldsLieWhereTheStandardPutsThem) {
  for (const PduField& field : kFields) {
    EXPECT_EQ(field.offset, field.byte) << field.name;
    EXPECT_EQ(field.size, field.width) << field.name;
  }
}

struct PduBits {
  const char* name;
  unsigned hi, lo, standard_hi, standard_lo;
};
#define BITS(type, hi, lo) \
  PduBits { #type, type::kHi, type::kLo, hi, lo }

constexpr PduBits kBits[] = {
    BITS(Immediate, 6, 6),
    BITS(OpcodeBits, 5, 0),
    BITS(Final, 7, 7),
    BITS(ScsiCommand::Read, 6, 6),
    BITS(ScsiCommand::Write, 5, 5),
    BITS(ScsiCommand::Attribute, 2, 0),
    BITS(TaskManagementRequest::Function, 6, 0),
    BITS(TextRequest::Continue, 6, 6),
    BITS(LoginRequest::Transit, 7, 7),
    BITS(LoginRequest::Continue, 6, 6),
    BITS(LoginRequest::CurrentStage, 3, 2),
    BITS(LoginRequest::NextStage, 1, 0),
    BITS(LogoutRequest::Reason, 6, 0),
    BITS(SnackRequest::Type, 3, 0),
};

TEST(IscsiLayout, BitsLieWhereTheStandardPutsThem) {
  for (const PduBits& field : kBits) {
    EXPECT_EQ(field.hi, field.standard_hi) << field.name;
    EXPECT_EQ(field.lo, field.standard_lo) << field.name;
  }
}

TEST(IscsiLayout, FlagsOfResponsesAreThoseOfTheStandard) {
  EXPECT_EQ(DataIn::kFinal | DataIn::kAcknowledge, 0xc0);  // 11.7.1, 11.7.2
  EXPECT_EQ(DataIn::kOverflow, 1 << 2);
  EXPECT_EQ(DataIn::kUnderflow, 1 << 1);
  EXPECT_EQ(DataIn::kStatus, 1 << 0);
  EXPECT_EQ(ScsiResponse::kBidiOverflow, 1 << 4);  // 11.4.1
  EXPECT_EQ(ScsiResponse::kBidiUnderflow, 1 << 3);
  EXPECT_EQ(ScsiResponse::kOverflow, 1 << 2);
  EXPECT_EQ(ScsiResponse::kUnderflow, 1 << 1);
}

TEST(IscsiLayout, NumbersAreBigEndian) {
  BasicHeader header;
  header.data_segment_length = 0x010203u;
  header.initiator_task_tag = 0x04050607u;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&header);
  EXPECT_EQ(bytes[5], 1);
  EXPECT_EQ(bytes[7], 3);
  EXPECT_EQ(bytes[16], 4);
  EXPECT_EQ(bytes[19], 7);
}

}  // namespace
}  // namespace hal::iscsi
