// Common Transport and the requests of the name server and the management server (FC-GS-7), as they are on the wire.
#pragma once

#include "hal/port/fc_frame.h"

namespace hal::fc {

struct CtHeader {  // CT_IU preamble (FC-GS-7 4.3)
  enum Service : std::uint8_t { kManagementService = 0xfa, kDirectoryService = 0xfc };
  enum Subtype : std::uint8_t {
    kFabricConfigurationServer = 0x01,  // of the management service
    kNameService = 0x02,                // of the directory service
    kZoneServer = 0x03,                 // of the management service
    kDeviceManagement = 0x10,           // FDMI, of the management service
  };
  enum Response : std::uint16_t { kReject = 0x8001, kAccept = 0x8002 };
  enum Reason : std::uint8_t {
    kInvalidCommandCode = 0x01,
    kInvalidVersion = 0x02,
    kLogicalError = 0x03,
    kInvalidSize = 0x04,
    kLogicalBusy = 0x05,
    kProtocolError = 0x07,
    kUnableToPerform = 0x09,
    kCommandNotSupported = 0x0b,
  };
  enum Explanation : std::uint8_t {  // of the name server (FC-GS-7 table 68)
    kNoExplanation = 0x00,
    kPortIdNotRegistered = 0x01,
    kPortNameNotRegistered = 0x02,
    kNodeNameNotRegistered = 0x03,
    kClassNotRegistered = 0x04,
    kFc4TypesNotRegistered = 0x07,
    kSymbolicPortNameNotRegistered = 0x08,
    kSymbolicNodeNameNotRegistered = 0x09,
    kPortTypeNotRegistered = 0x0a,
    kAccessDenied = 0x10,
    kUnacceptablePortId = 0x11,
    kDatabaseEmpty = 0x12,
    kNothingInScope = 0x13,
  };
  std::uint8_t revision = 1;
  be24 in_id;
  std::uint8_t service = kDirectoryService;
  std::uint8_t subtype = kNameService;
  std::uint8_t options = 0;
  std::uint8_t reserved = 0;
  be16 command;  // or Response
  be16 size;  // request: largest answer; answer: what was left out; both in words of four bytes, 0: no limit, nothing
  std::uint8_t fragment = 0;
  std::uint8_t reason = 0;
  std::uint8_t explanation = 0;
  std::uint8_t vendor = 0;
};

struct NameServer {
  enum Command : std::uint16_t {
    kGaNxt = 0x0100,
    kGpnId = 0x0112,
    kGnnId = 0x0113,
    kGcsId = 0x0114,
    kGftId = 0x0117,
    kGspnId = 0x0118,
    kGptId = 0x011a,
    kGfpnId = 0x011c,
    kGffId = 0x011f,
    kGidPn = 0x0121,
    kGidNn = 0x0131,
    kGpnNn = 0x0132,
    kGsnnNn = 0x0139,
    kGidFt = 0x0171,
    kGpnFt = 0x0172,
    kGnnFt = 0x0173,
    kGidPt = 0x01a1,
    kRpnId = 0x0212,
    kRnnId = 0x0213,
    kRcsId = 0x0214,
    kRftId = 0x0217,
    kRspnId = 0x0218,
    kRptId = 0x021a,
    kRffId = 0x021f,
    kRsnnNn = 0x0239,
    kDaId = 0x0300,
  };
  enum PortType : std::uint8_t { kNPort = 0x01, kNlPort = 0x02, kAnyNx = 0x7f };
  enum Feature : std::uint8_t { kFeatureTarget = 0x01, kFeatureInitiator = 0x02 };  // FC-4 features of FCP
};

struct FabricConfiguration {  // of the management service
  enum Command : std::uint16_t { kGfn = 0x0104, kGpsc = 0x0127 };
  enum Speed : std::uint16_t {  // GPSC
    k1G = 0x8000,
    k2G = 0x4000,
    k4G = 0x2000,
    k10G = 0x1000,
    k8G = 0x0800,
    k16G = 0x0400,
    k32G = 0x0100,
    k64G = 0x0080,
    kUnknown = 0x0001,
  };
};

// Object formats: what follows the CT header. One of them may serve several commands.

struct NsPortId {  // GPN_ID, GNN_ID, GCS_ID, GFT_ID, GSPN_ID, GPT_ID, GFPN_ID, GFF_ID, GA_NXT, DA_ID; answer of GID_PN
  std::uint8_t control = 0;  // answers of lists: NsEntry::kLast
  be24 port_id;
};
struct NsName {  // GID_PN, GID_NN, GPN_NN, GSNN_NN, GPSC; answer of GPN_ID, GNN_ID, GFPN_ID
  be64 name;
};
struct NsScope {  // GID_FT, GPN_FT, GNN_FT
  std::uint8_t flags = 0;
  std::uint8_t domain = 0, area = 0;  // 0: all
  std::uint8_t type = 0;              // FrameType
};
struct NsPortTypeScope {  // GID_PT
  std::uint8_t port_type = 0;
  std::uint8_t domain = 0, area = 0;
  std::uint8_t flags = 0;
};
struct NsEntry {  // answer of GPN_FT, GNN_FT
  static constexpr std::uint8_t kLast = 0x80;
  std::uint8_t control = 0;
  be24 port_id;
  be32 reserved;
  be64 name;
};
struct NsPortName {  // RNN_ID, RPN_ID
  std::uint8_t reserved = 0;
  be24 port_id;
  be64 name;
};
struct NsFc4Types {  // RFT_ID; the 32 bytes also answer GFT_ID
  std::uint8_t reserved = 0;
  be24 port_id;
  std::array<be32, 8> types{};  // TYPE t: bit t % 32 of word t / 32
};
struct NsFc4Features {  // RFF_ID
  std::uint8_t reserved = 0;
  be24 port_id;
  be16 reserved2;
  std::uint8_t features = 0;
  std::uint8_t type = 0;
};
struct NsFeatureTable {          // answer of GFF_ID
  std::array<be32, 32> words{};  // TYPE t: four bits from bit 4 * (t % 8) of word t / 8
};
struct NsClassOfService {  // RCS_ID
  std::uint8_t reserved = 0;
  be24 port_id;
  be32 classes;
};
struct NsPortTypeOf {  // RPT_ID
  std::uint8_t reserved = 0;
  be24 port_id;
  std::uint8_t port_type = 0;
  be24 reserved2;
};
struct NsSymbolicPortName {  // RSPN_ID; then `length` bytes
  std::uint8_t reserved = 0;
  be24 port_id;
  std::uint8_t length = 0;
};
struct NsSymbolicNodeName {  // RSNN_NN; then `length` bytes
  be64 node_name;
  std::uint8_t length = 0;
};
struct NsAll {  // answer of GA_NXT
  std::uint8_t port_type = 0;
  be24 port_id;
  be64 port_name;
  std::uint8_t symbolic_port_length = 0;
  std::array<std::uint8_t, 255> symbolic_port{};
  be64 node_name;
  std::uint8_t symbolic_node_length = 0;
  std::array<std::uint8_t, 255> symbolic_node{};
  std::array<std::uint8_t, 8> initial_process_associator{};
  std::array<std::uint8_t, 16> node_ip{};
  be32 classes;
  std::array<be32, 8> types{};
  std::array<std::uint8_t, 16> port_ip{};
  be64 fabric_port_name;
  std::uint8_t reserved = 0;
  be24 hard_address;
};
struct PortSpeeds {  // answer of GPSC: FabricConfiguration::Speed
  be16 capabilities;
  be16 operating;
};

static_assert(kIsWire<CtHeader, 16> && kIsWire<NsPortId, 4> && kIsWire<NsName, 8> && kIsWire<NsScope, 4>);
static_assert(kIsWire<NsPortTypeScope, 4> && kIsWire<NsEntry, 16> && kIsWire<NsPortName, 12>);
static_assert(kIsWire<NsFc4Types, 36> && kIsWire<NsFc4Features, 8> && kIsWire<NsFeatureTable, 128>);
static_assert(kIsWire<NsClassOfService, 8> && kIsWire<NsPortTypeOf, 8>);
static_assert(kIsWire<NsSymbolicPortName, 5> && kIsWire<NsSymbolicNodeName, 9> && kIsWire<NsAll, 620>);
static_assert(kIsWire<PortSpeeds, 4>);

}  // namespace hal::fc
