// What lies in host memory and flash: queue entries (IOCBs) of both roles, initialisation block, port database, NVRAM.
//
// Little-endian unless said otherwise; FC headers and FCP IUs in ATIOs are in wire order. "Swapped": the bytes of each
// aligned dword are in reverse of the wire's order. Meanings of codes are the reader's affair, except those that both
// sides of the queues must spell alike. SIZE: a table of formats, which model and driver read as one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bits.h"
#include "base/endian.h"

namespace qla::wire {

using base::be16;
using base::be24;
using base::be32;
using base::le16;
using base::le24;
using base::le32;
using base::le64;
using Bytes8 = std::array<std::uint8_t, 8>;
template <std::size_t N>
using Bytes = std::array<std::uint8_t, N>;

constexpr std::size_t kEntryBytes = 64;
constexpr std::uint32_t kEntryTaken = 0xDEADDEAD;  // last dword of a response or ATIO slot that the host has taken
constexpr std::uint32_t kNoExchangeAddress = 0xFFFFFFFF;  // exchange address of what has none
constexpr std::uint32_t kMarkerNoReply = 0x0FFFFFFF;      // handle of a marker that is not completed

enum class EntryType : std::uint8_t {
  kContinuation32 = 0x02,
  kStatus = 0x03,
  kMarker = 0x04,
  kAtio7 = 0x06,
  kContinuation64 = 0x0A,
  kImmediateNotify = 0x0D,
  kNotifyAck = 0x0E,
  kStatusContinuation = 0x10,
  kCtio7 = 0x12,
  kTaskManagement = 0x14,
  kCommand7 = 0x18,
  kEvfp = 0x26,
  kCtPassThrough = 0x29,
  kVpControl = 0x30,
  kVpConfiguration = 0x31,
  kReportId = 0x32,
  kAbort = 0x33,
  kMailbox = 0x39,
  kCommand6 = 0x48,
  kPurex = 0x51,
  kLogIo = 0x52,
  kElsPassThrough = 0x53,
  kAbtsReceived = 0x54,
  kAbtsResponse = 0x55,
  kCommandCrc2 = 0x6A,
  kBidirectional = 0x75,
  kCtioCrc2 = 0x7A,
};

// Reserved N_Port handles; ordinary ones are below kHandles.
constexpr std::uint16_t kHandles = 0x7EF, kHandleManagement = 0x7EF, kHandleNameServer = 0x7FC,
                        kHandleFabricController = 0x7FD, kHandleFabricPort = 0x7FE, kHandleBroadcast = 0x7FF,
                        kHandleUnknown = 0xFFFF;

struct EntryHead {
  std::uint8_t type;
  std::uint8_t count;   // of 64-byte entries, with this one
  std::uint8_t system;  // the host's, or a count of handles
  std::uint8_t status;  // kEntry...: nonzero, the chip refused the entry
  le32 handle;
};
constexpr std::uint8_t kEntryBusy = 0x01, kEntryBadType = 0x02, kEntryBadParameter = 0x04, kEntryBadCount = 0x08,
                       kEntryBadOrder = 0x10;

struct Entry {
  EntryHead head;
  Bytes<56> body;
};
static_assert(sizeof(EntryHead) == 8 && sizeof(Entry) == kEntryBytes && alignof(Entry) == 1);

struct DataSegment {
  le64 address;
  le32 length;
};
struct DataSegment32 {
  le32 address;
  le32 length;
};
struct Continuation32 {
  EntryHead head;
  std::array<DataSegment32, 7> segments;
};
struct Continuation64 {
  std::uint8_t type, count, system, status;
  std::array<DataSegment, 5> segments;
};
static_assert(sizeof(DataSegment) == 12 && sizeof(Continuation32) == kEntryBytes &&
              sizeof(Continuation64) == kEntryBytes);

// --- initiator role and common ---------------------------------------------------------------------------------------

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
  using NoApplicationCheck = base::Flag<std::uint16_t, 14>;
  using NoReferenceCheck = base::Flag<std::uint16_t, 15>;
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

// Completion codes of Status, CT, ELS, login and abort entries.
enum class Completion : std::uint16_t {
  kOk = 0x00,
  kIncomplete = 0x01,
  kDmaError = 0x02,
  kTransport = 0x03,
  kReset = 0x04,
  kAborted = 0x05,
  kTimeout = 0x06,
  kOverrun = 0x07,
  kDifError = 0x0C,
  kAbortedByTarget = 0x13,
  kUnderrun = 0x15,
  kQueueFull = 0x1C,
  kPortUnavailable = 0x28,
  kPortLoggedOut = 0x29,
  kPortChanged = 0x2A,
  kPortBusy = 0x2B,
  kNoResource = 0x2C,
  kIocbError = 0x31,
};

struct CtPassThrough {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 command_segments;
  std::uint8_t vp;
  std::uint8_t reserved15;
  le16 timeout;  // s
  le16 reserved18;
  le16 response_segments;
  Bytes<10> reserved22;
  le32 response_bytes;
  le32 command_bytes;
  std::array<DataSegment, 2> segments;  // command, then response; more in continuations
};
struct ElsPassThrough {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 transmit_segments;
  std::uint8_t vp;
  std::uint8_t sof;  // high nibble: 1 SOFi3
  le32 exchange;     // of the request that this answers
  le16 receive_segments;
  std::uint8_t opcode;
  std::uint8_t reserved23;
  le24 d_id;
  Bytes<3> s_id;  // domain, al_pa, area
  le16 flags;
  le32 receive_bytes;
  le32 transmit_bytes;
  DataSegment transmit;
  DataSegment receive;

  using Payload = base::Bits<std::uint16_t, 15, 13>;  // 0 request, 1 accept, 2 reject, 3 end the exchange
  using ClearPending = base::Flag<std::uint16_t, 12>;
};
struct ElsStatus {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 reserved12;
  std::uint8_t vp;
  std::uint8_t sof;
  le32 exchange;
  le16 reserved20;
  std::uint8_t opcode;
  std::uint8_t reserved23;
  le24 d_id;
  Bytes<3> s_id;
  le16 flags;
  le32 total_bytes;
  le32 subcode1, subcode2, subcode3;
  Bytes<16> reserved48;
};
struct LogIo {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 flags;
  std::uint8_t vp;
  std::uint8_t reserved15;
  le24 port_id;
  std::uint8_t response_size;  // dwords
  std::array<le32, 11> io;

  using Operation = base::Bits<std::uint16_t, 3, 0>;
  using Conditional = base::Flag<std::uint16_t, 4>;     // PLOGI: only if not logged in
  using Implicit = base::Flag<std::uint16_t, 4>;        // LOGO, PRLO: no frame
  using SkipPrli = base::Flag<std::uint16_t, 5>;        // PLOGI
  using ImplicitAll = base::Flag<std::uint16_t, 5>;     // LOGO: all ports
  using Explicit = base::Flag<std::uint16_t, 6>;        // LOGO: with a frame
  using FreeHandle = base::Flag<std::uint16_t, 7>;      // LOGO: the handle ends too
  using CommonFeatures = base::Flag<std::uint16_t, 7>;  // PLOGI
  using Class2 = base::Flag<std::uint16_t, 8>;
  using Fcp2Override = base::Flag<std::uint16_t, 9>;
  using WithNameServer = base::Flag<std::uint16_t, 10>;  // LOGO
};
constexpr std::uint16_t kLogPlogi = 0, kLogPrli = 1, kLogPdisc = 2, kLogAdisc = 3, kLogLogo = 8, kLogPrlo = 9,
                        kLogTprlo = 10;
// io[0] of a LogIo that came back with Completion::kIocbError.
enum class LogIoError : std::uint32_t {
  kNoLink = 0x01,
  kNoIocb = 0x02,
  kNoExchange = 0x03,
  kFailed = 0x04,
  kNoFabric = 0x05,
  kFirmwareNotReady = 0x07,
  kNotLoggedIn = 0x09,
  kNoControlBlock = 0x0A,
  kRejected = 0x18,
  kBadParameter = 0x19,
  kPortIdUsed = 0x1A,  // io[1]: the handle that has it
  kHandleUsed = 0x1B,  // io[1]: the port id that has it
  kNoSuchPort = 0x1C,
  kLoggedIn = 0x1D,
  kNoFlogi = 0x1F,
};
struct MailboxEntry {
  EntryHead head;
  std::array<le16, 28> mailbox;
};
static_assert(sizeof(CtPassThrough) == kEntryBytes && sizeof(ElsPassThrough) == kEntryBytes);
static_assert(sizeof(ElsStatus) == kEntryBytes && sizeof(LogIo) == kEntryBytes && sizeof(MailboxEntry) == kEntryBytes);

// --- virtual ports ---------------------------------------------------------------------------------------------------

struct VpControl {
  EntryHead head;
  le16 vp_failed;
  le16 completion;
  le16 command;  // 0 enable, 8 disable, 9 and link again, A and LOGO, B and LOGO all
  le16 count;
  Bytes<16> map;  // bit per virtual port, from 1
  le16 flags;
  le16 id;
  le16 reserved36;
  le16 hop_count;
  Bytes<24> reserved40;
};
struct VpOptions {
  std::uint8_t options;
  std::uint8_t hard_address;
  le16 reserved2;
  Bytes8 port_name, node_name;
};
struct VpConfiguration {
  EntryHead head;
  le16 flags;
  le16 completion;
  std::uint8_t command;  // 0 modify, 1 modify and enable
  std::uint8_t count;
  Bytes<2> index;
  std::array<VpOptions, 2> port;
  le16 id;
  le16 reserved58;
  le16 hop_count;
  le16 reserved62;
};
struct ReportId {
  EntryHead head;
  std::uint8_t acquired, setup;  // counts
  std::uint8_t vp;
  std::uint8_t vp_status;
  le24 port_id;
  std::uint8_t format;  // 0 loop, 1 fabric, 2 N2N
  std::uint8_t subcode;
  std::uint8_t flags;
  le16 fip_flags;
  Bytes<12> reserved20;
  std::uint8_t reject_vendor, reject_explanation, reject_reason;
  Bytes<5> reserved35;
  Bytes8 port_name, node_name;  // of the F_Port or the other N_Port
  le16 bb_credit;
  le16 reserved58;
  le24 remote_id;  // N2N
  std::uint8_t reserved63;

  using Topology = base::Bits8<3, 1>;  // 1 FL_Port, 2 N2N, 3 F_Port
};
static_assert(sizeof(VpControl) == kEntryBytes && sizeof(VpConfiguration) == kEntryBytes);
static_assert(sizeof(ReportId) == kEntryBytes);

// --- target role -----------------------------------------------------------------------------------------------------

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

// --- blocks that mailbox commands carry ------------------------------------------------------------------------------

struct InitBlock {
  le16 version;
  le16 reserved2;
  le16 frame_size;
  le16 execution_throttle;
  le16 exchange_count;
  le16 hard_address;
  Bytes8 port_name, node_name;
  le16 response_in, request_out;  // initial indices
  le16 login_retry;
  le16 priority_out;
  le16 response_length, request_length;  // entries
  le16 link_down_on_nos;                 // ms
  le16 priority_length;
  le64 request_address, response_address, priority_address;
  le16 response_vector, atio_vector;
  le32 reserved72;
  le16 atio_in, atio_length;
  le64 atio_address;
  le16 interrupt_delay;  // 100 us
  le16 login_timeout;    // s
  le32 options1, options2, options3;
  le16 quality_of_service, rid;
  Bytes<20> reserved108;

  using HardAddress = base::Flag<std::uint32_t, 0>;  // options 1
  using TargetMode = base::Flag<std::uint32_t, 4>;
  using NoInitiatorMode = base::Flag<std::uint32_t, 5>;
  using FullLoginOnLip = base::Flag<std::uint32_t, 13>;
  using NodeName = base::Flag<std::uint32_t, 14>;
  using Connection = base::Bits<std::uint32_t, 6, 4>;  // options 2: 0 loop, 1 point-to-point, 2 loop, else the other
  using FcTape = base::Flag<std::uint32_t, 12>;
  using PrliControl = base::Flag<std::uint32_t, 14>;
  using MsixHandshake = base::Flag<std::uint32_t, 22>;
  using MultiQueue = base::Flag<std::uint32_t, 23>;
  using ResponseShadow = base::Flag<std::uint32_t, 29>;
  using RequestShadow = base::Flag<std::uint32_t, 30>;
  using NoAutoPlogi = base::Flag<std::uint32_t, 7>;  // options 3: on a loop
  using DataRate = base::Bits<std::uint32_t, 15, 13>;
};
struct MultiIdEntry {
  le16 reserved0;
  std::uint8_t options;
  std::uint8_t hard_address;
  Bytes8 port_name, node_name;

  using Enable = base::Flag8<3>;
  using Initiator = base::Flag8<4>;
  using NoTarget = base::Flag8<5>;
};
struct MultiIdBlock {  // entries follow; the first is the physical port
  InitBlock init;
  le16 count;  // of virtual ports
  le16 options;
};
static_assert(sizeof(InitBlock) == 128 && sizeof(MultiIdEntry) == 20 && sizeof(MultiIdBlock) == 132);

struct PortDatabase {
  le16 flags;
  std::uint8_t current_state, last_state;  // low nibble FCP, high NVMe
  Bytes<3> hard_address;
  std::uint8_t reserved7;
  be24 port_id;  // domain first
  std::uint8_t sequence_id;
  le16 port_timer;
  le16 nport;
  le16 receive_size;
  le16 reserved18;
  le16 prli_word0, prli_word3;  // low halves; Linux calls them big-endian, and tests the bits as if they were not
  Bytes8 port_name, node_name;  // wire order
  Bytes<24> reserved40;
};
struct NameListEntry {  // name list with all data: as PortDatabase, but port id and names are the other way round
  le16 flags;
  std::uint8_t current_state, last_state;
  Bytes<3> hard_address;
  std::uint8_t reserved7;
  le24 port_id;
  std::uint8_t sequence_id;
  le16 port_timer;
  le16 nport;
  le16 receive_size;
  le16 reserved18;
  le16 prli_word0, prli_word3;
  le64 port_name, node_name;
};
struct NameListShort {
  le64 name;
  le16 nport;
};
struct IdListEntry {
  le24 port_id;
  std::uint8_t reserved3;
  le16 nport;
  le16 reserved6;
};
static_assert(sizeof(PortDatabase) == 64 && sizeof(NameListEntry) == 40 && sizeof(NameListShort) == 10);
static_assert(sizeof(IdListEntry) == 8);
enum class LoginState : std::uint8_t {
  kNone = 0x0,
  kPlogiPending = 0x3,
  kPlogiDone = 0x4,
  kPrliPending = 0x5,
  kPrliDone = 0x6,
  kUnavailable = 0x7,
  kPrloPending = 0x9,
  kLogoPending = 0xB,
};

struct LinkStatistics {
  le32 link_failures, loss_of_sync, loss_of_signal, primitive_errors, invalid_words, invalid_crc, lip_count;
  le32 link_ups, link_down_timeouts, link_down_los, link_down_clock;
  Bytes<20> reserved44;
  le32 port_configuration_changes;
  Bytes<44> reserved68;
  le32 response_queue_full, atio_queue_full, dropped_events, els_errors, reserved128;
  le32 transmitted_frames, received_frames, discarded_frames, dropped_frames, reserved148, nos_received;
  Bytes<16> reserved156;
  le32 transmitted_p_rjt, receive_exchange_failures, received_abts, missing_frames, corrected_errors;
  le32 mailbox_requests, nport_full, eofa, reserved204;
  le64 received_words, discarded_words, transmitted_words;
  Bytes<280> reserved232;
};
static_assert(sizeof(LinkStatistics) == 512);

// --- flash -----------------------------------------------------------------------------------------------------------

struct Nvram {  // the 128 dwords sum to 0
  Bytes<4> id;  // "ISP "
  le16 nvram_version;
  le16 reserved6;
  le16 version;
  le16 reserved10;
  le16 frame_size;
  le16 execution_throttle;
  le16 exchange_count;
  le16 hard_address;
  Bytes8 port_name, node_name;
  le16 login_retry;
  le16 link_down_on_nos;
  le16 interrupt_delay;
  le16 login_timeout;
  le32 options1, options2, options3;
  Bytes<200> reserved56;
  le32 host_options;
  Bytes8 alternate_port_name, alternate_node_name;
  Bytes<52> reserved276;
  std::uint8_t reset_delay;  // s
  Bytes<7> reserved329;
  le16 max_luns;
  le16 reserved338;
  le16 port_down_retry;
  le16 link_down_timeout;  // s
  Bytes<136> reserved344;
  Bytes<16> model_name;
  Bytes<12> reserved496;
  le32 checksum;
};
static_assert(sizeof(Nvram) == 512);

struct FirmwareSegment {  // head of each of the two segments, big-endian; the first 8 dwords of the image hold versions
  be32 reserved0, reserved4;
  be32 load_address;
  be32 dwords;  // with this head
  std::array<be32, 4> version;
};
static_assert(sizeof(FirmwareSegment) == 32);

// 83xx and later: where what is. The 16-bit words of header and regions sum to 0.
enum class RegionCode : std::uint16_t {
  kFirmware = 0x01,
  kFirmwareSecondary = 0x02,  // 27xx
  kBootCode = 0x07,
  kVpd0 = 0x14,
  kNvram0 = 0x15,
  kVpd1 = 0x16,
  kNvram1 = 0x17,
  kDescription = 0x1A,
  kLayout = 0x1C,
  kNpiv0 = 0x29,
  kNpiv1 = 0x2A,
  kFirmwareGolden = 0x2F,
  kFcpPriority0 = 0x87,
  kFcpPriority1 = 0x88,
  kImageStatus = 0x95,           // 27xx
  kImageStatusSecondary = 0x96,  // 27xx
};
struct FlashLayout {
  le16 version;  // 1
  le16 length;   // bytes of the regions that follow
  le16 checksum;
  le16 reserved6;
};
struct FlashRegion {
  le16 code;
  std::uint8_t attribute, reserved3;
  le32 size, start, end;  // bytes
};
static_assert(sizeof(FlashLayout) == 8 && sizeof(FlashRegion) == 16);
struct FlashDescription {  // the 64 words sum to 0
  Bytes<4> signature;      // "QLID"
  le16 version;
  le16 length;
  le16 checksum;
  Bytes<2> reserved10;
  Bytes<16> model;
  le16 manufacturer, device;
  std::uint8_t flags;
  std::uint8_t erase_command, alternate_erase_command;
  std::uint8_t write_enable_command, write_enable_bits, write_status_command;
  std::uint8_t unprotect_command, read_id_command;
  le32 block_size, alternate_block_size, flash_size;  // bytes
  le32 write_enable_data;
  std::uint8_t id_address_length, write_disable_bits, device_id_length, chip_erase_command;
  le16 read_timeout;
  std::uint8_t protect_command;
  Bytes<65> reserved63;
};
static_assert(sizeof(FlashDescription) == 128);
struct ImageStatus {  // 27xx; the 4 dwords sum to 0
  std::uint8_t mask;  // bit 0: this image is the one to load
  le16 generation;    // of two that are active the higher one
  std::uint8_t version_major, version_minor;
  std::uint8_t bitmap;
  Bytes<2> reserved6;
  le32 checksum;
  le32 signature;
};
static_assert(sizeof(ImageStatus) == 16);
constexpr std::uint32_t kImageStatusSignature = 0xFACEFADE;

// 27xx: behind the firmware's segments; big-endian head, then as many dwords of template as it says, less 8.
struct TemplateHead {
  be32 reserved0, reserved4;
  be32 dwords;
  std::array<be32, 4> reserved12;
};
struct DumpTemplate {  // its dwords sum to all ones, carries added
  le32 type;           // kDumpTemplate
  le32 entry_offset;   // bytes
  le32 size;           // bytes
  le32 reserved12;
  le32 entries;
  le32 version;
  le32 timestamp;
  le32 checksum;
  le32 reserved32;
  std::array<le32, 3> driver;
  std::array<le32, 16> saved;
  std::array<le32, 8> reserved112;
  std::array<le32, 5> firmware_version;
};
struct DumpTemplateEntry {
  le32 type;  // kDumpTemplateEnd is the last
  le32 size;  // bytes, with this head
  le32 flags;
};
static_assert(sizeof(TemplateHead) == 28 && sizeof(DumpTemplate) == 164 && sizeof(DumpTemplateEntry) == 12);
constexpr std::uint32_t kDumpTemplate = 99, kDumpTemplateEnd = 255;

}  // namespace qla::wire
