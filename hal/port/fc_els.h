// Extended Link Services (FC-LS-3): payloads of ELS requests and replies, from their command byte on.
#pragma once

#include "hal/port/fc_frame.h"

namespace hal::fc {

struct Els {  // FC-LS-3 table 3: first byte of the payload
  enum Command : std::uint8_t {
    kLsRjt = 0x01,
    kLsAcc = 0x02,
    kPlogi = 0x03,
    kFlogi = 0x04,
    kLogo = 0x05,
    kRtv = 0x0e,
    kRls = 0x0f,
    kEcho = 0x10,
    kTest = 0x11,
    kRrq = 0x12,
    kRec = 0x13,
    kSrr = 0x14,
    kFpin = 0x16,
    kRdp = 0x18,
    kPrli = 0x20,
    kPrlo = 0x21,
    kTprlo = 0x24,
    kPdisc = 0x50,
    kFdisc = 0x51,
    kAdisc = 0x52,
    kFarpRequest = 0x54,
    kRscn = 0x61,
    kScr = 0x62,
    kRnft = 0x63,
    kRnid = 0x78,
    kAuth = 0x90,
  };
  std::uint8_t command = 0;
  be24 zero;
};

struct CommonServiceParameters {  // FC-LS-3 table 204, and 16 bits of features by who says it
  enum Features : std::uint16_t {
    kContinuouslyIncreasingOffset = 0x8000,  // PLOGI and its LS_ACC
    kMultipleNPortIds = 0x8000,              // FLOGI: asks for NPIV
    kCleanAddress = 0x8000,                  // FLOGI LS_ACC
    kRandomRelativeOffset = 0x4000,
    kValidVendorVersion = 0x2000,
    kMultipleNPortIdsAssigned = 0x2000,  // FLOGI LS_ACC: NPIV is to be had
    kFPort = 0x1000,                     // an F_Port speaks; clear: an N_Port
    kAlternateCredit = 0x0800,
    kErrorDetectNanoseconds = 0x0400,  // E_D_TOV in nanoseconds
  };
  std::uint8_t highest_version = 0x20, lowest_version = 0x20;
  be16 credit;
  be16 features;
  be16 receive_size;       // bits 11..0
  be16 total_sequences;    // FLOGI LS_ACC: R_A_TOV in milliseconds is here and in the next word
  be16 relative_offsets;   // by information category
  be32 error_detect_time;  // E_D_TOV, milliseconds or nanoseconds
};

struct ClassServiceParameters {  // FC-LS-3 table 209
  static constexpr std::uint16_t kValid = 0x8000, kSequentialDelivery = 0x0800;
  be16 options;
  be16 initiator_control;
  be16 recipient_control;
  be16 receive_size;
  be16 concurrent_sequences;
  be16 end_to_end_credit;
  std::uint8_t reserved = 0;
  std::uint8_t open_sequences = 0;  // per exchange
  be16 reserved2;
};

struct LoginPayload {  // FLOGI, FDISC, PLOGI, PDISC and their LS_ACC (FC-LS-3 table 203)
  std::uint8_t command = 0;
  be24 zero;
  CommonServiceParameters common;
  be64 port_name;
  be64 node_name;  // LS_ACC of an F_Port: the fabric's name
  ClassServiceParameters class1, class2, class3, auxiliary;
  std::array<std::uint8_t, 16> vendor_version{};
  std::uint32_t resource_allocation_time() const {  // FLOGI LS_ACC: R_A_TOV in milliseconds
    return std::uint32_t{common.total_sequences} << 16 | common.relative_offsets;
  }
  void set_resource_allocation_time(std::uint32_t milliseconds) {
    common.total_sequences = static_cast<std::uint16_t>(milliseconds >> 16);
    common.relative_offsets = static_cast<std::uint16_t>(milliseconds);
  }
};

struct LsRjt {
  enum Reason : std::uint8_t {  // FC-LS-3 table 8
    kInvalidCommandCode = 0x01,
    kLogicalError = 0x03,
    kLogicalBusy = 0x05,
    kProtocolError = 0x07,
    kUnableToPerform = 0x09,
    kCommandNotSupported = 0x0b,
    kCommandInProgress = 0x0e,
  };
  enum Explanation : std::uint8_t {  // FC-LS-3 table 9
    kNone = 0x00,
    kServiceParameterOptions = 0x01,
    kReceiveSizeError = 0x07,
    kInvalidPortName = 0x0d,
    kInvalidNodeName = 0x0e,
    kInvalidCommonParameters = 0x0f,
    kInvalidOriginator = 0x15,
    kInvalidExchange = 0x17,
    kAlreadyInProgress = 0x19,
    kLoginRequired = 0x1e,
    kInvalidPortId = 0x1f,
    kInsufficientResources = 0x29,
    kUnableToSupplyData = 0x2a,
    kRequestNotSupported = 0x2c,
    kInvalidPayloadLength = 0x2d,
  };
  std::uint8_t command = Els::kLsRjt;
  be24 zero;
  std::uint8_t reserved = 0;
  std::uint8_t reason = 0;
  std::uint8_t explanation = 0;
  std::uint8_t vendor = 0;
};

struct ProcessPage {  // of PRLI, PRLO, TPRLO and their LS_ACC
  enum Flags : std::uint16_t {
    kOriginatorValid = 0x8000,
    kResponderValid = 0x4000,
    kEstablishImagePair = 0x2000,   // PRLI
    kThirdPartyPortValid = 0x2000,  // TPRLO
    kGlobal = 0x1000,               // TPRLO: of all ports
  };
  using ResponseCode = base::Bits<std::uint16_t, 11, 8>;  // LS_ACC: 1 executed, 2 no resources, 5 no such type
  static constexpr std::uint16_t kExecuted = 1, kNoResources = 2, kNotSupported = 5;
  std::uint8_t type = 0;  // FrameType; 0 in PRLO: all
  std::uint8_t type_extension = 0;
  be16 flags;
  be32 originator;  // process associators
  be32 responder;
  be32 parameters;  // PRLI: FcpService; TPRLO: the third party's N_Port_ID
};

struct FcpService {  // word 3 of the FCP page of PRLI (FCP-4 6.3.3)
  enum : std::uint32_t {
    kWriteXferRdyDisabled = 0x001,
    kReadXferRdyDisabled = 0x002,
    kTarget = 0x010,
    kInitiator = 0x020,
    kDataOverlay = 0x040,
    kConfirmedCompletion = 0x080,
    kRetry = 0x100,
    kTaskRetryIdentification = 0x200,
    kRec = 0x400,
  };
};

struct ProcessLogin {  // PRLI, PRLO, TPRLO and LS_ACC with one page
  std::uint8_t command = 0;
  std::uint8_t page_length = 16;
  be16 payload_length = 20;
  ProcessPage page;
};

struct Logo {
  std::uint8_t command = Els::kLogo;
  be24 zero;
  std::uint8_t reserved = 0;
  be24 port_id;
  be64 port_name;
};

struct Adisc {  // and its LS_ACC
  std::uint8_t command = Els::kAdisc;
  be24 zero;
  std::uint8_t reserved = 0;
  be24 hard_address;
  be64 port_name;
  be64 node_name;
  std::uint8_t reserved2 = 0;
  be24 port_id;
};

struct Rscn {  // then pages
  std::uint8_t command = Els::kRscn;
  std::uint8_t page_length = 4;
  be16 payload_length;  // with these four bytes
};
struct RscnPage {
  using EventQualifier = base::Bits8<5, 2>;
  using AddressFormat = base::Bits8<1, 0>;
  enum Format : std::uint8_t { kPort = 0, kArea = 1, kDomain = 2, kFabric = 3 };
  enum Qualifier : std::uint8_t { kUnspecified = 0, kNameServerObject = 1, kPortAttribute = 2, kServiceObject = 3 };
  std::uint8_t qualifier_format = 0;
  be24 port_id;
};
struct PortRscn {  // of an N_Port, about itself
  Rscn head{.payload_length = 8};
  RscnPage page;
};

struct Scr {
  enum Function : std::uint8_t { kFabricDetected = 1, kPortDetected = 2, kFull = 3, kClear = 0xff };
  std::uint8_t command = Els::kScr;
  be24 zero;
  be24 reserved;
  std::uint8_t function = kFull;
};

struct ExchangeQuery {  // RRQ, REC
  std::uint8_t command = 0;
  be24 zero;
  std::uint8_t reserved = 0;
  be24 originator;
  be16 ox_id;
  be16 rx_id;
};
struct RecAcc {
  enum Status : std::uint32_t { kOriginator = 0x80000000, kInitiative = 0x40000000, kCompleted = 0x20000000 };
  std::uint8_t command = Els::kLsAcc;
  be24 zero;
  be16 ox_id;
  be16 rx_id;
  std::uint8_t reserved = 0;
  be24 originator;
  std::uint8_t reserved2 = 0;
  be24 responder;
  be32 transferred;  // FC4VALUE: bytes, for FCP
  be32 status;       // E_STAT
};

struct RtvAcc {
  std::uint8_t command = Els::kLsAcc;
  be24 zero;
  be32 resource_allocation_time;  // R_A_TOV, milliseconds
  be32 error_detect_time;         // E_D_TOV, milliseconds
  be32 qualifier;
};

struct RlsAcc {  // Link Error Status Block
  std::uint8_t command = Els::kLsAcc;
  be24 zero;
  be32 link_failures, losses_of_sync, losses_of_signal, primitive_errors, invalid_words, invalid_crcs;
};

struct Rnid {
  std::uint8_t command = Els::kRnid;
  be24 zero;
  std::uint8_t format = 0;  // 0: common data only; 0xdf: general topology
  be24 reserved;
};
struct RnidAcc {  // with common data only
  std::uint8_t command = Els::kLsAcc;
  be24 zero;
  std::uint8_t format = 0;
  std::uint8_t common_length = 16;
  std::uint8_t reserved = 0;
  std::uint8_t specific_length = 0;
  be64 port_name;
  be64 node_name;
};

static_assert(kIsWire<Els, 4> && kIsWire<CommonServiceParameters, 16> && kIsWire<ClassServiceParameters, 16>);
static_assert(kIsWire<LoginPayload, 116> && kIsWire<LsRjt, 8>);
static_assert(kIsWire<ProcessPage, 16> && kIsWire<ProcessLogin, 20> && kIsWire<Logo, 16> && kIsWire<Adisc, 28>);
static_assert(kIsWire<Rscn, 4> && kIsWire<RscnPage, 4> && kIsWire<PortRscn, 8> && kIsWire<Scr, 8>);
static_assert(kIsWire<ExchangeQuery, 12> && kIsWire<RecAcc, 24> && kIsWire<RtvAcc, 16> && kIsWire<RlsAcc, 28>);
static_assert(kIsWire<Rnid, 8> && kIsWire<RnidAcc, 24>);

}  // namespace hal::fc
