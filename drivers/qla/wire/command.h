// Entries of the initiator role, and those of both: commands and their status, markers, aborts, protection contexts.
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct Command7 {
  EntryHead head;
  le16 nport;
  le16 timeout;  // s
  le16 segment_count;
  le16 reserved14;
  Bytes8 lun;  // swapped
  le16 flags;
  std::uint8_t task_attribute;
  std::uint8_t command_reference_number;
  Bytes<16> cdb;  // swapped
  le32 byte_count;
  le24 port_id;
  std::uint8_t vp;
  DataSegment segment;

  using LunReset = base::Flag<std::uint16_t, 12>;
  using ClearTaskSet = base::Flag<std::uint16_t, 10>;
  using AbortTaskSet = base::Flag<std::uint16_t, 9>;
  using SegmentList = base::Flag<std::uint16_t, 2>;
  using ReadData = base::Flag<std::uint16_t, 1>;
  using WriteData = base::Flag<std::uint16_t, 0>;
};
struct Command6 {
  EntryHead head;
  le16 nport;
  le16 timeout;
  le16 segment_count;
  le16 response_segment_length;
  Bytes8 lun;  // swapped
  le16 flags;  // as Command7
  le16 fcp_cmnd_length;
  le64 fcp_cmnd_address;  // FCP_CMND IU in wire order
  le64 fcp_rsp_address;
  le32 byte_count;
  le24 port_id;
  std::uint8_t vp;
  DataSegment segment;
};
struct CommandCrc2 {  // as Command6; its data segments are in a CrcContext
  EntryHead head;
  le16 nport;
  le16 timeout;
  le16 segment_count;
  le16 response_segment_length;
  Bytes8 lun;  // swapped
  le16 flags;  // as Command7, and ProtectionSegments
  le16 fcp_cmnd_length;
  le64 fcp_cmnd_address;
  le64 fcp_rsp_address;
  le32 byte_count;  // on the wire: with protection information where the wire has it
  le24 port_id;
  std::uint8_t vp;
  le64 context_address;
  le16 context_length;
  le16 reserved62;

  using ProtectionSegments = base::Flag<std::uint16_t, 3>;
};
static_assert(sizeof(CommandCrc2) == kEntryBytes);
// T10 protection information of one command, in host memory.
struct CrcContext {
  le32 handle;
  le32 reference_tag;
  le16 application_tag;
  Bytes<4> reference_tag_mask;
  Bytes<2> application_tag_mask;
  le16 guard_seed;
  le16 options;
  le16 block_size;  // bytes of data
  le16 runt_guard;
  le32 byte_count;             // of the transfer
  le32 protection_byte_count;  // bundled: protection information has segments of its own
  le16 reserved32;
  le16 segment_count;  // bundled: of data
  le32 reserved36;
  DataSegment data;        // where the segments are flagged as a list: a list of segments
  DataSegment protection;  // bundled; also a list

  using Mode = base::Bits<std::uint16_t, 2, 0>;
  using NoGuardCheck = base::Flag<std::uint16_t, 4>;
  using NoReferenceIncrement = base::Flag<std::uint16_t, 5>;
  using Bundled = base::Flag<std::uint16_t, 8>;
  using ApplicationEscape = base::Flag<std::uint16_t, 10>;           // application tag FFFFh: not checked
  using ApplicationReferenceEscape = base::Flag<std::uint16_t, 11>;  // and reference tag FFFFFFFFh
  using NoApplicationReplacement = base::Flag<std::uint16_t, 12>;    // of kProtectionReplace
  using NoReferenceReplacement = base::Flag<std::uint16_t, 13>;
  using NoApplicationCheck = base::Flag<std::uint16_t, 14>;
  using NoReferenceCheck = base::Flag<std::uint16_t, 15>;
  static constexpr std::uint16_t kReservedOptions = 0x02C0;
};
static_assert(sizeof(CrcContext) == 64);
constexpr unsigned kProtectionInsert = 0, kProtectionRemove = 1, kProtectionPass = 2, kProtectionReplace = 3;
constexpr unsigned kProtectionChecksum = 6;  // passes; guards in host memory are Internet checksums

struct Status {
  EntryHead head;
  le16 completion;
  le16 ox_id;
  le32 residual;  // as the firmware counted
  le16 reserved16;
  le16 state_flags;
  le16 status_qualifier;  // retry delay
  le16 scsi_status;       // status byte and the kStatus... bits
  le32 response_residual;
  le32 sense_length;
  le32 response_length;
  Bytes<28> data;  // swapped: response info, then sense
};
constexpr std::uint16_t kStatusConfirmRequested = 0x1000, kStatusUnder = 0x0800, kStatusOver = 0x0400,
                        kStatusSenseValid = 0x0200, kStatusResponseValid = 0x0100;
constexpr std::uint16_t kStateTransferred = 0x0800;  // state_flags
struct StatusContinuation {
  std::uint8_t type, count, system, status;
  Bytes<60> data;  // swapped
};
struct Marker {
  EntryHead head;
  le16 nport;
  std::uint8_t modifier;  // 0 logical unit, 1 port, 2 everything
  std::uint8_t reserved11, reserved12;
  std::uint8_t vp;
  le16 reserved14;
  Bytes8 lun;
  Bytes<40> reserved24;
};
struct TaskManagement {
  EntryHead head;
  le16 nport;
  le16 reserved10;
  le16 delay;    // s
  le16 timeout;  // s
  Bytes8 lun;    // swapped
  le32 flags;
  Bytes<20> reserved28;
  le24 port_id;
  std::uint8_t vp;
  Bytes<12> reserved52;

  using NothingToTarget = base::Flag<std::uint32_t, 31>;
  using LunReset = base::Flag<std::uint32_t, 4>;
  using AbortTaskSet = base::Flag<std::uint32_t, 3>;
  using ClearTaskSet = base::Flag<std::uint32_t, 2>;
  using TargetReset = base::Flag<std::uint32_t, 1>;
  using ClearAca = base::Flag<std::uint32_t, 0>;
};
struct Abort {
  EntryHead head;
  le16 nport;  // returned: completion
  le16 options;
  le32 handle_to_abort;
  le16 request_queue;
  Bytes<30> reserved18;
  le24 port_id;
  std::uint8_t vp;
  Bytes<12> reserved52;

  using NoAbts = base::Flag<std::uint16_t, 0>;
  using NoRrq = base::Flag<std::uint16_t, 1>;
  using NoLogoutOnTimeout = base::Flag<std::uint16_t, 2>;
};
static_assert(sizeof(Command7) == kEntryBytes && sizeof(Command6) == kEntryBytes && sizeof(Status) == kEntryBytes);
static_assert(sizeof(StatusContinuation) == kEntryBytes && sizeof(Marker) == kEntryBytes);
static_assert(sizeof(TaskManagement) == kEntryBytes && sizeof(Abort) == kEntryBytes);

}  // namespace qla::wire
