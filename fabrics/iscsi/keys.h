// The text keys of RFC 7143 section 13 (and 7144, 7145) as one table: what kind each is, where it may stand, our
// limits.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace iscsi {

enum class Key : std::uint8_t {
  // who, and which session
  kInitiatorName,
  kInitiatorAlias,
  kTargetName,
  kTargetAlias,
  kTargetAddress,
  kTargetPortalGroupTag,
  kSessionType,
  kSendTargets,
  // security
  kAuthMethod,
  kChapA,
  kChapI,
  kChapC,
  kChapN,
  kChapR,
  // operational
  kHeaderDigest,
  kDataDigest,
  kMaxConnections,
  kInitialR2T,
  kImmediateData,
  kMaxRecvDataSegmentLength,
  kMaxBurstLength,
  kFirstBurstLength,
  kDefaultTime2Wait,
  kDefaultTime2Retain,
  kMaxOutstandingR2T,
  kDataPduInOrder,
  kDataSequenceInOrder,
  kErrorRecoveryLevel,
  kTaskReporting,
  kIscsiProtocolLevel,
  kRdmaExtensions,
  kNodeArchitecture,
  kIfMarker,
  kOfMarker,
  kIfMarkInt,
  kOfMarkInt,
  kCount,
};

enum class KeyKind : std::uint8_t {
  kText,           // the initiator declares a text; there is no answer
  kLength,         // ... a number
  kList,           // it offers values in its order of preference; the answer is the first that we have
  kAnd,            // booleans: the result is both sides' and
  kOr,             //           ... or
  kMinimum,        // numbers: the result is the smaller
  kMaximum,        //          ... the larger
  kSecurity,       // a step of authentication
  kInquiry,        // SendTargets
  kTargetOnly,     // an initiator must not send it
  kObsoleteFlag,   // answered No (RFC 7143 13.25)
  kObsoleteRange,  // answered Reject
};

enum KeyPlace : std::uint8_t { kInSecurity = 1, kInOperational = 2, kInFullFeature = 4 };

struct KeyInfo {
  Key key{};
  std::string_view name;
  KeyKind kind{};
  std::uint8_t places = 0;                 // KeyPlace bits
  bool normal_only = false;                // irrelevant in discovery sessions
  std::uint32_t minimum = 0, maximum = 0;  // what may be offered; longest text for kText
  std::uint32_t ours = 0;                  // what we would have, where that is not the target's to say (TargetKeys)
  std::string_view values{};               // kList: what we have
};

std::span<const KeyInfo> key_table();            // in the order of Key
bool leading_only(const KeyInfo& info);          // only a session's first connection negotiates it
const KeyInfo* find_key(std::string_view name);  // case-sensitive, as the standard has it; null: not understood
inline const KeyInfo& info_of(Key key) { return key_table()[static_cast<std::size_t>(key)]; }

}  // namespace iscsi
