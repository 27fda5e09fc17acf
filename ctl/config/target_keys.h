// The names that a target's negotiation settings (RFC 7143 section 13) have in the configuration and in calls, in one
// place for all who read, write or show them.
#pragma once

#include <string>
#include <type_traits>

#include "base/result.h"
#include "fabrics/iscsi/target_keys.h"

namespace ctl {

const char* digest_use_key(iscsi::DigestUse use);  // "any", "required", "none"
base::Result<iscsi::DigestUse> parse_digest_use(const std::string& name);
template <class Member>
inline constexpr bool kIsDigest = std::is_same_v<Member, decltype(&iscsi::TargetKeys::header_digest)>;
template <class Member>
inline constexpr bool kIsFlag = std::is_same_v<Member, decltype(&iscsi::TargetKeys::initial_r2t)>;

// visit(name, the standard's name, &TargetKeys::member) for digests and flags; for numbers least and most follow.
template <class Visit>
void for_each_target_key(Visit&& visit) {
  using Keys = iscsi::TargetKeys;
  visit("header_digest", "HeaderDigest", &Keys::header_digest);
  visit("data_digest", "DataDigest", &Keys::data_digest);
  visit("initial_r2t", "InitialR2T", &Keys::initial_r2t);
  visit("immediate_data", "ImmediateData", &Keys::immediate_data);
  visit("max_recv_data_segment_length", "MaxRecvDataSegmentLength", &Keys::max_recv_data_segment_length,
        Keys::kLeastLength, Keys::kMostData);
  visit("max_burst_length", "MaxBurstLength", &Keys::max_burst_length, Keys::kLeastLength, Keys::kMostBurst);
  visit("first_burst_length", "FirstBurstLength", &Keys::first_burst_length, Keys::kLeastLength, Keys::kMostFirstBurst);
  visit("max_outstanding_r2t", "MaxOutstandingR2T", &Keys::max_outstanding_r2t, 1u, Keys::kMostR2t);
  visit("default_time2wait", "DefaultTime2Wait", &Keys::default_time2wait, 0u, Keys::kMostTime);
  visit("default_time2retain", "DefaultTime2Retain", &Keys::default_time2retain, 0u, Keys::kMostTime);
}

}  // namespace ctl
