// Applies the key table to what an initiator offers: each key's result, its answer, and "negotiate once".
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "fabrics/iscsi/keys.h"
#include "fabrics/iscsi/parameters.h"
#include "fabrics/iscsi/target_keys.h"
#include "fabrics/iscsi/text.h"

namespace iscsi {

// One negotiation: a login, or a text exchange in the full feature phase. Result: parameters(), to be taken only if
// the whole negotiation succeeded.
class Negotiation {
 public:
  Negotiation(const Parameters& start, bool discovery) : parameters_(start), discovery_(discovery) {}
  // False: the initiator broke the rules (a key a second time, in the wrong place, a declared value out of range).
  // `place` is one KeyPlace bit. Keys of kind kSecurity, kInquiry and the names are the caller's and only counted here.
  bool offer(const KeyValue& pair, KeyPlace place, TextWriter& answer);
  // After the last offer of a request: answers FirstBurstLength, which must not exceed MaxBurstLength, and what depends
  // on ErrorRecoveryLevel: DataPDUInOrder and DataSequenceInOrder, MaxOutstandingR2T, which must be 1 from level 1 on
  // (RFC 7143 13.17, DataSequenceInOrder being Yes), and DefaultTime2Retain, as nothing is retained below level 2.
  void finish(TextWriter& answer);
  // Says that we take PDUs of the target's MaxRecvDataSegmentLength, unless that is what was said before.
  void declare(TextWriter& answer);
  // What the target insists on and the initiator did not agree to; null: nothing.
  const char* refusal() const;
  const Parameters& parameters() const { return parameters_; }
  Parameters& parameters() { return parameters_; }
  bool offered(Key key) const { return seen_[static_cast<std::size_t>(key)]; }
  void set_discovery() { discovery_ = true; }
  // A further connection of a session: what the leading one has settled for all of them is not asked again (RFC 7143
  // 13, use LO) and answered Irrelevant.
  void set_joining() { joining_ = true; }
  void set_target(const TargetKeys& keys) { target_ = keys; }
  void set_max_connections(std::uint16_t ours) { max_connections_ = ours; }
  void set_error_recovery_level(std::uint8_t ours) { error_recovery_level_ = ours; }

 private:
  bool take_length(const KeyInfo& info, std::string_view value);
  void take_list(const KeyInfo& info, std::string_view value, TextWriter& answer);
  void take_flag(const KeyInfo& info, std::string_view value, TextWriter& answer);
  void take_number(const KeyInfo& info, std::string_view value, TextWriter& answer);
  std::uint32_t ours(const KeyInfo& info) const;
  std::string_view accepted(const KeyInfo& info) const;
  std::uint8_t level() const;
  void finish_order(Key key, std::optional<bool>& offer, TextWriter& answer);
  void finish_number(Key key, std::uint32_t result, TextWriter& answer);

  Parameters parameters_;
  bool discovery_, joining_ = false;
  TargetKeys target_;
  std::uint16_t max_connections_ = 1;
  std::uint8_t error_recovery_level_ = 0;
  std::bitset<static_cast<std::size_t>(Key::kCount)> seen_;
  std::optional<std::uint32_t> first_burst_offer_, r2t_offer_, retain_offer_;
  std::optional<bool> pdu_order_offer_, sequence_order_offer_;
};

}  // namespace iscsi
