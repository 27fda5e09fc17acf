// What all queue entries (IOCBs) have: the head, data segments, completion codes.
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

}  // namespace qla::wire
