// Entries of the target role that are no commands: immediate notifies, ABTS, ELS that is handed up.
#pragma once

#include "drivers/qla/wire/target.h"

namespace qla::wire {

struct ImmediateNotify {
  EntryHead head;
  le16 nport;
  le16 reserved10;
  le16 flags;
  le16 srr_rx_id;
  le16 status;
  std::uint8_t subcode;  // ELS command code
  std::uint8_t firmware_handle;
  le32 exchange;
  le32 srr_offset;
  le16 srr_ui, srr_ox_id;
  Bytes8 detail;  // PLOGI, PDISC, ADISC: node name; PRLI: low half of word 3, little-endian; else port id and handle
  Bytes8 port_name;
  Bytes<3> reserved48;
  std::uint8_t vp;
  le32 reserved52;
  le24 port_id;
  std::uint8_t reserved59;
  le16 reserved60;
  le16 ox_id;
};
struct NotifyAck {
  EntryHead head;
  le16 nport;
  le16 reserved10;
  le16 flags;
  le16 srr_rx_id;
  le16 status;
  std::uint8_t subcode;
  std::uint8_t firmware_handle;
  le32 exchange;
  le32 srr_offset;
  le16 srr_ui, srr_flags;
  Bytes<19> reserved32;
  std::uint8_t vp;
  std::uint8_t srr_vendor, srr_explanation, srr_reason;
  Bytes<5> reserved55;
  le16 reserved60;
  le16 ox_id;

  using Reject = base::Flag<std::uint16_t, 3>;
  static constexpr std::uint16_t kSrrReject = 1;  // srr_flags
};
constexpr std::uint16_t kNotifyAckOk = 0x01;  // status of an acknowledgement that comes back
enum class NotifyStatus : std::uint16_t {
  kLipReset = 0x0E,
  kLinkReinitialised = 0x0F,
  kIocbOverflow = 0x16,
  kAbortTask = 0x20,
  kPortLogout = 0x29,
  kPortChanged = 0x2A,
  kGlobalTprlo = 0x2D,
  kGlobalLogo = 0x2E,
  kResource = 0x34,
  kMessage = 0x36,
  kSrr = 0x45,
  kEls = 0x46,
};

struct AbtsReceived {
  std::uint8_t type, count, system, status;
  Bytes<6> reserved4;
  le16 nport;
  le16 reserved12;
  std::uint8_t vp;
  std::uint8_t sof;
  le32 exchange;  // of the ABTS
  FcHeaderLe header;
  Bytes<16> reserved44;
  le32 exchange_to_abort;
};
struct AbtsResponse {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 flags;
  std::uint8_t vp;
  std::uint8_t sof;
  le32 exchange;
  FcHeaderLe header;
  Bytes<16> payload;  // BaAcc or BaRjt; returned: subcodes
  le32 exchange_to_abort;

  using Terminate = base::Flag<std::uint16_t, 0>;
};
struct BaAcc {
  le16 reserved0;
  std::uint8_t last_seq_id, seq_id_valid;  // 0x80 valid
  le16 rx_id, ox_id;
  le16 high_seq_cnt, low_seq_cnt;
};
struct BaRjt {
  std::uint8_t vendor, explanation, reason, reserved3;
};
struct AbtsError {  // payload of a response that came back with Completion::kIocbError
  le32 subcode3;
  le32 reserved4;
  le32 subcode1, subcode2;
};
constexpr std::uint32_t kAbtsNotTerminated = 0x1E;  // subcode1: the aborted exchange still lives

struct Purex {
  std::uint8_t type, count, system, status;
  le16 reserved4;
  std::uint8_t vp;
  std::uint8_t reserved7;
  le16 status_flags;
  le16 nport;
  le16 frame_size, truncated_size;
  le32 exchange;
  FcHeaderLe header;
  Bytes<20> payload;
};
static_assert(sizeof(ImmediateNotify) == kEntryBytes && sizeof(NotifyAck) == kEntryBytes);
static_assert(sizeof(AbtsReceived) == kEntryBytes && sizeof(AbtsResponse) == kEntryBytes);
static_assert(sizeof(BaAcc) == 12 && sizeof(BaRjt) == 4 && sizeof(AbtsError) == 16 && sizeof(Purex) == kEntryBytes);

}  // namespace qla::wire
