// Names, values and ranges of the keys that are settings of a target.
#include "ctl/import/text_keys.h"

#include <algorithm>
#include <optional>

#include "ctl/import/words.h"

namespace ctl {
namespace {

using iscsi::DigestUse;
using iscsi::TargetKeys;

KeyTaken take_digest(std::string_view value, DigestUse& out) {
  const bool none = value.find("None") != std::string_view::npos, crc = value.find("CRC32C") != std::string_view::npos;
  if (!none && !crc) return KeyTaken::kNo;
  out = none && crc ? DigestUse::kAny : crc ? DigestUse::kRequired : DigestUse::kNone;
  return KeyTaken::kYes;
}

KeyTaken take_flag(std::string_view value, bool& out) {
  if (value != "Yes" && value != "No") return KeyTaken::kNo;
  out = value == "Yes";
  return KeyTaken::kYes;
}

template <class Integer>
KeyTaken take_number(std::string_view value, Integer& out, std::uint64_t least, std::uint64_t most) {
  const std::optional<std::uint64_t> number = number_of<std::uint64_t>(value);
  if (!number) return KeyTaken::kNo;
  out = static_cast<Integer>(std::clamp(*number, least, most));
  return *number >= least && *number <= most ? KeyTaken::kYes : KeyTaken::kNearest;
}

}  // namespace

KeyTaken take_text_key(std::string_view key, std::string_view value, Target& target) {
  TargetKeys& keys = target.keys;
  constexpr std::uint64_t kLeast = TargetKeys::kLeastLength;
  if (key == "HeaderDigest") return take_digest(value, keys.header_digest);
  if (key == "DataDigest") return take_digest(value, keys.data_digest);
  if (key == "InitialR2T") return take_flag(value, keys.initial_r2t);
  if (key == "ImmediateData") return take_flag(value, keys.immediate_data);
  if (key == "MaxRecvDataSegmentLength")
    return take_number(value, keys.max_recv_data_segment_length, kLeast, TargetKeys::kMostData);
  if (key == "MaxBurstLength") return take_number(value, keys.max_burst_length, kLeast, TargetKeys::kMostBurst);
  if (key == "FirstBurstLength")
    return take_number(value, keys.first_burst_length, kLeast, TargetKeys::kMostFirstBurst);
  if (key == "MaxOutstandingR2T") return take_number(value, keys.max_outstanding_r2t, 1, TargetKeys::kMostR2t);
  if (key == "DefaultTime2Wait") return take_number(value, keys.default_time2wait, 0, TargetKeys::kMostTime);
  if (key == "DefaultTime2Retain") return take_number(value, keys.default_time2retain, 0, TargetKeys::kMostTime);
  if (key == "ErrorRecoveryLevel")
    return take_number(value, target.error_recovery_level, 0, iscsi::kMaxErrorRecoveryLevel);
  return KeyTaken::kNo;
}

}  // namespace ctl
