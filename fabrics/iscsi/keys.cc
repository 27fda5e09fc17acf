// The key table.
#include "fabrics/iscsi/keys.h"

#include <algorithm>
#include <array>

namespace iscsi {
namespace {

using K = Key;
using Kind = KeyKind;
constexpr std::uint8_t kLogin = kInSecurity | kInOperational;
constexpr std::uint8_t kAll = kLogin | kInFullFeature;
constexpr std::uint32_t kLargest = (1u << 24) - 1;

constexpr std::array<KeyInfo, static_cast<std::size_t>(Key::kCount)> kTable = {{
    {K::kInitiatorName, "InitiatorName", Kind::kText, kLogin, false, 0, 223},
    {K::kInitiatorAlias, "InitiatorAlias", Kind::kText, kAll, false, 0, 255},
    {K::kTargetName, "TargetName", Kind::kText, kLogin, false, 0, 223},
    {K::kTargetAlias, "TargetAlias", Kind::kTargetOnly, 0},
    {K::kTargetAddress, "TargetAddress", Kind::kTargetOnly, 0},
    {K::kTargetPortalGroupTag, "TargetPortalGroupTag", Kind::kTargetOnly, 0},
    {K::kSessionType, "SessionType", Kind::kText, kLogin, false, 0, 255},
    {K::kSendTargets, "SendTargets", Kind::kInquiry, kInFullFeature},
    {K::kAuthMethod, "AuthMethod", Kind::kSecurity, kInSecurity},
    {K::kChapA, "CHAP_A", Kind::kSecurity, kInSecurity},
    {K::kChapI, "CHAP_I", Kind::kSecurity, kInSecurity},
    {K::kChapC, "CHAP_C", Kind::kSecurity, kInSecurity},
    {K::kChapN, "CHAP_N", Kind::kSecurity, kInSecurity},
    {K::kChapR, "CHAP_R", Kind::kSecurity, kInSecurity},
    {K::kHeaderDigest, "HeaderDigest", Kind::kList, kInOperational, false, 0, 0, 0, "None,CRC32C"},
    {K::kDataDigest, "DataDigest", Kind::kList, kInOperational, false, 0, 0, 0, "None,CRC32C"},
    {K::kMaxConnections, "MaxConnections", Kind::kMinimum, kInOperational, true, 1, 65535},
    {K::kInitialR2T, "InitialR2T", Kind::kOr, kInOperational, true},
    {K::kImmediateData, "ImmediateData", Kind::kAnd, kInOperational, true},
    {K::kMaxRecvDataSegmentLength, "MaxRecvDataSegmentLength", Kind::kLength, kInOperational | kInFullFeature, false,
     512, kLargest},
    {K::kMaxBurstLength, "MaxBurstLength", Kind::kMinimum, kInOperational, true, 512, kLargest},
    {K::kFirstBurstLength, "FirstBurstLength", Kind::kMinimum, kInOperational, true, 512, kLargest},
    {K::kDefaultTime2Wait, "DefaultTime2Wait", Kind::kMaximum, kInOperational, false, 0, 3600},
    {K::kDefaultTime2Retain, "DefaultTime2Retain", Kind::kMinimum, kInOperational, false, 0, 3600},
    {K::kMaxOutstandingR2T, "MaxOutstandingR2T", Kind::kMinimum, kInOperational, true, 1, 65535},
    {K::kDataPduInOrder, "DataPDUInOrder", Kind::kOr, kInOperational, true},
    {K::kDataSequenceInOrder, "DataSequenceInOrder", Kind::kOr, kInOperational, true},
    {K::kErrorRecoveryLevel, "ErrorRecoveryLevel", Kind::kMinimum, kInOperational, false, 0, 2},
    {K::kTaskReporting, "TaskReporting", Kind::kList, kInOperational, true, 0, 0, 0, "RFC3720,ResponseFence"},
    {K::kIscsiProtocolLevel, "iSCSIProtocolLevel", Kind::kMinimum, kInOperational, true, 0, 31, 2},
    {K::kRdmaExtensions, "RDMAExtensions", Kind::kAnd, kInOperational, true, 0, 0, 0},
    {K::kNodeArchitecture, "X#NodeArchitecture", Kind::kText, kAll, false, 0, 255},
    {K::kIfMarker, "IFMarker", Kind::kObsoleteFlag, kInOperational},
    {K::kOfMarker, "OFMarker", Kind::kObsoleteFlag, kInOperational},
    {K::kIfMarkInt, "IFMarkInt", Kind::kObsoleteRange, kInOperational},
    {K::kOfMarkInt, "OFMarkInt", Kind::kObsoleteRange, kInOperational},
}};

consteval bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].key) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::span<const KeyInfo> key_table() { return kTable; }

bool leading_only(const KeyInfo& info) {
  return info.normal_only || info.key == Key::kDefaultTime2Wait || info.key == Key::kDefaultTime2Retain ||
         info.key == Key::kErrorRecoveryLevel;
}

const KeyInfo* find_key(std::string_view name) {
  const auto at = std::find_if(kTable.begin(), kTable.end(), [name](const KeyInfo& info) { return info.name == name; });
  return at == kTable.end() ? nullptr : &*at;
}

}  // namespace iscsi
