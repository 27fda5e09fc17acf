// iSCSI PDU formats (RFC 7143 section 11): the vocabulary of the Datamover boundary, read by both sides of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/bits.h"
#include "base/endian.h"

namespace hal::iscsi {

using base::be16;
using base::be24;
using base::be32;
using base::be64;

enum class Opcode : std::uint8_t {  // bits 5..0 of byte 0
  kNopOut = 0x00,
  kScsiCommand = 0x01,
  kTaskManagementRequest = 0x02,
  kLoginRequest = 0x03,
  kTextRequest = 0x04,
  kDataOut = 0x05,
  kLogoutRequest = 0x06,
  kSnackRequest = 0x10,
  kNopIn = 0x20,
  kScsiResponse = 0x21,
  kTaskManagementResponse = 0x22,
  kLoginResponse = 0x23,
  kTextResponse = 0x24,
  kDataIn = 0x25,
  kLogoutResponse = 0x26,
  kR2t = 0x31,
  kAsyncMessage = 0x32,
  kReject = 0x3f,
};

enum class RejectReason : std::uint8_t {  // RFC 7143 11.17.1
  kDataDigestError = 0x02,
  kSnackReject = 0x03,
  kProtocolError = 0x04,
  kCommandNotSupported = 0x05,
  kTooManyImmediateCommands = 0x06,
  kTaskInProgress = 0x07,
  kInvalidDataAck = 0x08,
  kInvalidPduField = 0x09,
  kLongOperationReject = 0x0a,
  kNegotiationReset = 0x0b,
  kWaitingForLogout = 0x0c,
};

inline constexpr std::uint32_t kReservedTag = 0xffffffff;
inline constexpr std::size_t kHeaderSize = 48;
inline constexpr std::size_t kDigestSize = 4;

using Immediate = base::Flag8<6>;              // byte 0
using OpcodeBits = base::Bits8<5, 0, Opcode>;  // byte 0
using Final = base::Flag8<7>;                  // byte 1

constexpr std::uint32_t padding(std::uint32_t length) { return (4 - (length & 3)) & 3; }

// Serial number arithmetic (RFC 1982 as RFC 7143 uses it): a before b on the circle of 2^32.
constexpr bool serial_less(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }
constexpr bool serial_less_equal(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) <= 0; }

// What all 48-byte headers share; the rest is opcode specific.
struct BasicHeader {
  std::uint8_t opcode = 0;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 2> specific{};
  std::uint8_t total_ahs_length = 0;  // in words of four bytes
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  std::array<std::uint8_t, 28> rest{};
};

struct ScsiCommand {  // 11.3
  using Read = base::Flag8<6>;
  using Write = base::Flag8<5>;
  using Attribute = base::Bits8<2, 0>;  // 0 untagged, 1 simple, 2 ordered, 3 head of queue, 4 ACA
  std::uint8_t opcode = 0x01;
  std::uint8_t flags = 0;
  std::uint8_t reserved = 0;
  std::uint8_t priority = 0;  // bits 3..0 (RFC 7144)
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 expected_data_transfer_length;
  be32 cmd_sn;
  be32 exp_stat_sn;
  std::array<std::uint8_t, 16> cdb{};
};

struct ScsiResponse {  // 11.4
  enum : std::uint8_t { kBidiOverflow = 0x10, kBidiUnderflow = 0x08, kOverflow = 0x04, kUnderflow = 0x02 };
  std::uint8_t opcode = 0x21;
  std::uint8_t flags = 0x80;
  std::uint8_t response = 0;  // 0: command completed at target, 1: target failure
  std::uint8_t status = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> reserved{};
  be32 initiator_task_tag;
  be32 snack_tag;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  be32 exp_data_sn;
  be32 bidi_read_residual_count;
  be32 residual_count;
};

struct TaskManagementRequest {  // 11.5
  using Function = base::Bits8<6, 0>;
  std::uint8_t opcode = 0x02;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 referenced_task_tag;
  be32 cmd_sn;
  be32 exp_stat_sn;
  be32 ref_cmd_sn;
  be32 exp_data_sn;
  std::array<std::uint8_t, 8> reserved2{};
};

struct TaskManagementResponse {  // 11.6
  std::uint8_t opcode = 0x22;
  std::uint8_t flags = 0x80;
  std::uint8_t response = 0;
  std::uint8_t reserved = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> reserved2{};
  be32 initiator_task_tag;
  be32 reserved3;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  std::array<std::uint8_t, 12> reserved4{};
};

struct DataOut {  // 11.7
  std::uint8_t opcode = 0x05;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag;
  be32 reserved2;
  be32 exp_stat_sn;
  be32 reserved3;
  be32 data_sn;
  be32 buffer_offset;
  be32 reserved4;
};

struct DataIn {  // 11.7
  enum : std::uint8_t { kFinal = 0x80, kAcknowledge = 0x40, kOverflow = 0x04, kUnderflow = 0x02, kStatus = 0x01 };
  std::uint8_t opcode = 0x25;
  std::uint8_t flags = 0;
  std::uint8_t reserved = 0;
  std::uint8_t status = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag = kReservedTag;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  be32 data_sn;
  be32 buffer_offset;
  be32 residual_count;
};

struct R2t {  // 11.8
  std::uint8_t opcode = 0x31;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  be32 r2t_sn;
  be32 buffer_offset;
  be32 desired_data_transfer_length;
};

struct AsyncMessage {  // 11.9
  std::uint8_t opcode = 0x32;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 tag = kReservedTag;
  be32 reserved2;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  std::uint8_t async_event = 0;
  std::uint8_t async_vcode = 0;
  be16 parameter1;
  be16 parameter2;
  be16 parameter3;
  be32 reserved3;
};

struct TextRequest {  // 11.10
  using Continue = base::Flag8<6>;
  std::uint8_t opcode = 0x04;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag;
  be32 cmd_sn;
  be32 exp_stat_sn;
  std::array<std::uint8_t, 16> reserved2{};
};

struct TextResponse {  // 11.11
  std::uint8_t opcode = 0x24;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  std::array<std::uint8_t, 12> reserved2{};
};

struct LoginRequest {  // 11.12
  using Transit = base::Flag8<7>;
  using Continue = base::Flag8<6>;
  using CurrentStage = base::Bits8<3, 2>;  // 0 security, 1 operational, 3 full feature
  using NextStage = base::Bits8<1, 0>;
  std::uint8_t opcode = 0x43;
  std::uint8_t flags = 0;
  std::uint8_t version_max = 0;
  std::uint8_t version_min = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 6> isid{};
  be16 tsih;
  be32 initiator_task_tag;
  be16 cid;
  be16 reserved;
  be32 cmd_sn;
  be32 exp_stat_sn;
  std::array<std::uint8_t, 16> reserved2{};
};

struct LoginResponse {  // 11.13
  std::uint8_t opcode = 0x23;
  std::uint8_t flags = 0;
  std::uint8_t version_max = 0;
  std::uint8_t version_active = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 6> isid{};
  be16 tsih;
  be32 initiator_task_tag;
  be32 reserved;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  be16 status;  // class, detail
  std::array<std::uint8_t, 10> reserved2{};
};

struct LogoutRequest {  // 11.14
  using Reason = base::Bits8<6, 0>;
  std::uint8_t opcode = 0x06;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> reserved2{};
  be32 initiator_task_tag;
  be16 cid;
  be16 reserved3;
  be32 cmd_sn;
  be32 exp_stat_sn;
  std::array<std::uint8_t, 16> reserved4{};
};

struct LogoutResponse {  // 11.15
  std::uint8_t opcode = 0x26;
  std::uint8_t flags = 0x80;
  std::uint8_t response = 0;
  std::uint8_t reserved = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> reserved2{};
  be32 initiator_task_tag;
  be32 reserved3;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  be32 reserved4;
  be16 time2wait;
  be16 time2retain;
  be32 reserved5;
};

struct SnackRequest {  // 11.16
  using Type = base::Bits8<3, 0>;
  std::uint8_t opcode = 0x10;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag;
  be32 reserved2;
  be32 exp_stat_sn;
  std::array<std::uint8_t, 8> reserved3{};
  be32 beg_run;
  be32 run_length;
};

struct Reject {  // 11.17
  std::uint8_t opcode = 0x3f;
  std::uint8_t flags = 0x80;
  std::uint8_t reason = 0;
  std::uint8_t reserved = 0;
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> reserved2{};
  be32 tag = kReservedTag;
  be32 reserved3;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  be32 data_sn;
  std::array<std::uint8_t, 8> reserved4{};
};

struct NopOut {  // 11.18
  std::uint8_t opcode = 0x00;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag;
  be32 target_transfer_tag;
  be32 cmd_sn;
  be32 exp_stat_sn;
  std::array<std::uint8_t, 16> reserved2{};
};

struct NopIn {  // 11.19
  std::uint8_t opcode = 0x20;
  std::uint8_t flags = 0x80;
  std::array<std::uint8_t, 2> reserved{};
  std::uint8_t total_ahs_length = 0;
  be24 data_segment_length;
  std::array<std::uint8_t, 8> lun{};
  be32 initiator_task_tag = kReservedTag;
  be32 target_transfer_tag = kReservedTag;
  be32 stat_sn;
  be32 exp_cmd_sn;
  be32 max_cmd_sn;
  std::array<std::uint8_t, 12> reserved2{};
};

struct AhsHeader {  // 11.2.2
  be16 length;      // of the AHS after this field's type byte: type specific part, without padding
  std::uint8_t type = 0;
  static constexpr std::uint8_t kExtendedCdb = 1;
  static constexpr std::uint8_t kBidiReadLength = 2;
};

template <class... Headers>
constexpr bool all_are_headers() {
  return ((sizeof(Headers) == kHeaderSize && alignof(Headers) == 1 && std::is_trivially_copyable_v<Headers>)&&...);
}
static_assert(all_are_headers<BasicHeader, ScsiCommand, ScsiResponse, TaskManagementRequest, TaskManagementResponse,
                              DataOut, DataIn, R2t, AsyncMessage, TextRequest, TextResponse, LoginRequest,
                              LoginResponse, LogoutRequest, LogoutResponse, SnackRequest, Reject, NopOut, NopIn>());

}  // namespace hal::iscsi
