// Fibre Channel frames (FC-FS-4), Basic Link Services and the information units of FCP-4, as they are on the wire.
// Extended Link Services are in fc_els.h, the Common Transport and the name server in fc_ct.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/bits.h"
#include "base/endian.h"

namespace hal::fc {

using base::be16;
using base::be24;
using base::be32;
using base::be64;

inline constexpr std::size_t kFrameHeaderSize = 24;
inline constexpr std::size_t kMaxFramePayload = 2112;
inline constexpr std::uint16_t kNoExchangeId = 0xffff;  // RX_ID before the responder has given one

struct RCtl {  // FC-FS-4 table 21 and FCP-4 table 17
  enum : std::uint8_t {
    kFcpData = 0x01,
    kUnsolicitedControl = 0x02,  // CT request
    kSolicitedControl = 0x03,    // CT answer, FCP_CONF
    kFcpConf = 0x03,
    kFcpXferRdy = 0x05,
    kFcpCmnd = 0x06,
    kFcpRsp = 0x07,
    kElsRequest = 0x22,
    kElsReply = 0x23,
    kFc4LinkRequest = 0x32,  // SRR
    kFc4LinkReply = 0x33,
    kNop = 0x80,
    kAbts = 0x81,
    kBaAcc = 0x84,
    kBaRjt = 0x85,
    kPRjt = 0xc2,
    kFRjt = 0xc3,
    kPBsy = 0xc4,
    kFBsy = 0xc5,
  };
};

struct FrameType {
  enum : std::uint8_t { kBasicLinkService = 0x00, kEls = 0x01, kFcp = 0x08, kCt = 0x20 };
};

struct FrameHeader {                                        // FC-FS-4 table 20
  using ExchangeResponder = base::Flag<std::uint32_t, 23>;  // F_CTL; clear: sent by the exchange originator
  using SequenceRecipient = base::Flag<std::uint32_t, 22>;
  using FirstSequence = base::Flag<std::uint32_t, 21>;
  using LastSequence = base::Flag<std::uint32_t, 20>;
  using EndSequence = base::Flag<std::uint32_t, 19>;
  using PriorityEnable = base::Flag<std::uint32_t, 17>;
  using TransferInitiative = base::Flag<std::uint32_t, 16>;
  using AbortCondition = base::Bits<std::uint32_t, 5, 4>;
  using RelativeOffset = base::Flag<std::uint32_t, 3>;  // the parameter field is one
  using FillBytes = base::Bits<std::uint32_t, 1, 0>;    // at the end of the payload, to a multiple of four

  std::uint8_t r_ctl = 0;
  be24 d_id;
  std::uint8_t cs_ctl = 0;  // priority where F_CTL says so
  be24 s_id;
  std::uint8_t type = 0;
  be24 f_ctl;
  std::uint8_t seq_id = 0;
  std::uint8_t df_ctl = 0;
  be16 seq_cnt;
  be16 ox_id;
  be16 rx_id;
  be32 parameter;
};

// --- Basic Link Services (FC-FS-4 clause 15)

// ABTS: parameter field of its header.
using AbortSequenceOnly = base::Flag<std::uint32_t, 0>;  // clear: the whole exchange

struct BaAcc {
  static constexpr std::uint8_t kValid = 0x80;
  std::uint8_t seq_id_validity = 0;  // kValid: seq_id is the last deliverable sequence
  std::uint8_t seq_id = 0;
  be16 reserved;
  be16 ox_id;
  be16 rx_id;
  be16 low_seq_cnt;
  be16 high_seq_cnt;
};

struct BaRjt {
  enum Reason : std::uint8_t {
    kInvalidCommandCode = 0x01,
    kLogicalError = 0x03,
    kLogicalBusy = 0x05,
    kProtocolError = 0x07,
    kUnableToPerform = 0x09,
    kVendorSpecific = 0xff,
  };
  enum Explanation : std::uint8_t { kNone = 0x00, kInvalidExchange = 0x03, kSequenceAborted = 0x05 };
  std::uint8_t reserved = 0;
  std::uint8_t reason = 0;
  std::uint8_t explanation = 0;
  std::uint8_t vendor = 0;
};

// --- FCP-4 clause 9

struct FcpCmnd {  // FCP_CMND without ADDITIONAL_FCP_CDB, which is between cdb and data_length when there is one
  using Priority = base::Bits8<6, 3>;
  using TaskAttribute = base::Bits8<2, 0>;        // 0 simple, 1 head of queue, 2 ordered, 4 ACA
  using AdditionalCdbLength = base::Bits8<7, 2>;  // in words of four bytes
  using ReadData = base::Flag8<1>;
  using WriteData = base::Flag8<0>;
  enum TaskManagement : std::uint8_t {  // task_management_flags
    kAbortTaskSet = 0x02,
    kClearTaskSet = 0x04,
    kLogicalUnitReset = 0x10,
    kTargetReset = 0x20,
    kClearAca = 0x40,
    kTerminateTask = 0x80,  // obsolete
  };
  std::array<std::uint8_t, 8> lun{};
  std::uint8_t command_reference_number = 0;
  std::uint8_t priority_attribute = 0;
  std::uint8_t task_management_flags = 0;
  std::uint8_t additional_length = 0;  // and RDDATA, WRDATA
  std::array<std::uint8_t, 16> cdb{};
  be32 data_length;  // FCP_DL
};

struct FcpXferRdy {
  be32 data_offset;
  be32 burst_length;
  be32 reserved;
};

struct FcpRsp {  // then FCP_RSP_INFO and FCP_SNS_INFO
  enum Flags : std::uint8_t {
    kResponseLengthValid = 0x01,
    kSenseLengthValid = 0x02,
    kResidualOver = 0x04,
    kResidualUnder = 0x08,
    kConfirmationRequested = 0x10,
  };
  std::array<std::uint8_t, 8> reserved{};
  be16 status_qualifier;
  std::uint8_t flags = 0;
  std::uint8_t status = 0;
  be32 residual;
  be32 sense_length;
  be32 response_length;  // 0, 4 or 8
};

struct FcpRspInfo {
  enum Code : std::uint8_t {
    kTaskManagementComplete = 0x00,
    kDataLengthDiffers = 0x01,
    kCommandFieldsInvalid = 0x02,
    kDataOffsetMismatch = 0x03,
    kTaskManagementRejected = 0x04,
    kTaskManagementFailed = 0x05,
    kTaskManagementSucceeded = 0x08,
    kIncorrectLun = 0x09,
  };
  std::array<std::uint8_t, 3> reserved{};
  std::uint8_t code = 0;
  be32 reserved2;
};

template <class T, std::size_t Size>
inline constexpr bool kIsWire = sizeof(T) == Size && alignof(T) == 1 && std::is_trivially_copyable_v<T>;

static_assert(kIsWire<FrameHeader, kFrameHeaderSize>);
static_assert(kIsWire<BaAcc, 12> && kIsWire<BaRjt, 4>);
static_assert(kIsWire<FcpCmnd, 32> && kIsWire<FcpXferRdy, 12> && kIsWire<FcpRsp, 24> && kIsWire<FcpRspInfo, 8>);

}  // namespace hal::fc
