// Entries of the target role: commands in (ATIO), data and status out (CTIO).
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct FcHeader {  // as on the wire
  std::uint8_t r_ctl;
  be24 d_id;
  std::uint8_t cs_ctl;
  be24 s_id;
  std::uint8_t type;
  be24 f_ctl;
  std::uint8_t seq_id, df_ctl;
  be16 seq_cnt;
  be16 ox_id, rx_id;
  be32 parameter;
};
struct FcHeaderLe {  // the same, each dword reversed
  le24 d_id;
  std::uint8_t r_ctl;
  le24 s_id;
  std::uint8_t cs_ctl;
  le24 f_ctl;
  std::uint8_t type;
  le16 seq_cnt;
  std::uint8_t df_ctl, seq_id;
  le16 rx_id, ox_id;
  le32 parameter;
};
static_assert(sizeof(FcHeader) == 24 && sizeof(FcHeaderLe) == 24);

struct Atio7 {
  std::uint8_t type, count;
  le16 attribute_length;
  le32 exchange;
  FcHeader header;
  Bytes8 lun;
  std::uint8_t command_reference_number;
  std::uint8_t task_attribute;
  std::uint8_t task_management;
  std::uint8_t flags;
  Bytes<16> cdb;
  be32 data_length;  // FCP_DL; behind the additional CDB bytes where there are any

  using Attribute = base::Bits<std::uint16_t, 15, 12>;
  using Length = base::Bits<std::uint16_t, 11, 0>;  // FC header and FCP_CMND IU
  using AdditionalCdb = base::Bits8<7, 2>;          // dwords
  using ReadData = base::Flag8<1>;
  using WriteData = base::Flag8<0>;
};
static_assert(sizeof(Atio7) == kEntryBytes);

struct CtioHead {  // of all modes
  EntryHead head;
  le16 nport;
  le16 timeout;  // s
  le16 segment_count;
  std::uint8_t vp;
  std::uint8_t add_flags;
  le24 initiator;
  std::uint8_t reserved19;
  le32 exchange;
  le16 sense_length;  // mode 1
  le16 flags;
  le32 residual;
  le16 ox_id;
  le16 scsi_status;  // as Status
};
struct CtioFlags {
  using SendStatus = base::Flag<std::uint16_t, 15>;
  using Terminate = base::Flag<std::uint16_t, 14>;
  using Confirm = base::Flag<std::uint16_t, 13>;
  using Attribute = base::Bits<std::uint16_t, 12, 9>;
  using NoCompletion = base::Flag<std::uint16_t, 8>;
  using Mode = base::Bits<std::uint16_t, 7, 6>;
  using ExplicitConfirm = base::Flag<std::uint16_t, 5>;
  using ConfirmSatisfied = base::Flag<std::uint16_t, 4>;
  using SegmentList = base::Flag<std::uint16_t, 2>;
  using DataIn = base::Flag<std::uint16_t, 1>;
  using DataOut = base::Flag<std::uint16_t, 0>;
};
struct Ctio7Mode0 : CtioHead {  // data; mode 2 has the FCP_RSP IU at `segment`
  le32 relative_offset;
  le32 reserved40;
  le32 transfer_length;
  le32 reserved48;
  DataSegment segment;
};
struct Ctio7Mode1 : CtioHead {  // status
  le16 response_length;
  le16 reserved38;
  Bytes<24> data;  // swapped: response info, then sense
};
constexpr std::uint8_t kCtioProtectionSegments = 0x08;  // add_flags
struct CtioCrc2 : CtioHead {                            // its data segments are in a CrcContext
  le32 relative_offset;
  le32 reserved40;
  le32 transfer_length;
  le32 reserved48;
  le64 context_address;
  le16 context_length;
  le16 reserved62;
};
struct Ctio7Done {
  EntryHead head;
  le16 status;
  le16 timeout;
  le16 segment_count;
  std::uint8_t vp;
  Bytes<5> reserved15;
  le32 exchange;
  le16 reserved24;
  le16 flags;
  le32 residual;
  le16 ox_id;
  le16 reserved34;
  le32 relative_offset;
  Bytes<24> reserved40;
};
struct CtioCrc2Done {
  EntryHead head;
  le16 status;
  le16 timeout;
  le16 segment_count;
  le32 reserved14;
  le16 state_flags;
  le32 exchange;
  le16 reserved24;
  le16 flags;
  le32 residual;
  le16 ox_id;
  Bytes<12> reserved34;
  le16 runt_guard;
  Bytes8 actual, expected;  // protection information, as on the wire
};
static_assert(sizeof(CtioCrc2Done) == kEntryBytes);
static_assert(sizeof(CtioHead) == 36 && sizeof(Ctio7Mode0) == kEntryBytes && sizeof(Ctio7Mode1) == kEntryBytes);
static_assert(sizeof(CtioCrc2) == kEntryBytes && sizeof(Ctio7Done) == kEntryBytes);

enum class CtioStatus : std::uint16_t {
  kOk = 0x01,
  kAborted = 0x02,
  kInvalidExchange = 0x08,
  kOverrun = 0x09,
  kTimeout = 0x0B,
  kDifError = 0x0C,
  kLipReset = 0x0E,
  kBusError = 0x10,
  kReassembly = 0x11,
  kUnderrun = 0x15,
  kTargetReset = 0x17,
  kPortUnavailable = 0x28,
  kPortLoggedOut = 0x29,
  kPortChanged = 0x2A,
  kSrr = 0x45,
};

}  // namespace qla::wire
