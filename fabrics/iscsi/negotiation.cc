// The result functions of RFC 7143 6.2 and 13.
#include "fabrics/iscsi/negotiation.h"

#include <algorithm>
#include <utility>

#include "fabrics/iscsi/value.h"

namespace iscsi {
namespace {

bool* flag_of(Parameters& parameters, Key key) {
  switch (key) {
    case Key::kInitialR2T:
      return &parameters.initial_r2t;
    case Key::kImmediateData:
      return &parameters.immediate_data;
    case Key::kDataPduInOrder:
      return &parameters.data_pdu_in_order;
    case Key::kDataSequenceInOrder:
      return &parameters.data_sequence_in_order;
    default:
      return nullptr;  // RDMAExtensions: we have no use for the result
  }
}

void set_number(Parameters& parameters, Key key, std::uint32_t value) {
  switch (key) {
    case Key::kMaxConnections:
      parameters.max_connections = static_cast<std::uint16_t>(value);
      break;
    case Key::kMaxBurstLength:
      parameters.max_burst = value;
      break;
    case Key::kDefaultTime2Wait:
      parameters.time2wait = static_cast<std::uint16_t>(value);
      break;
    case Key::kDefaultTime2Retain:
      parameters.time2retain = static_cast<std::uint16_t>(value);
      break;
    case Key::kMaxOutstandingR2T:
      parameters.max_outstanding_r2t = static_cast<std::uint16_t>(value);
      break;
    case Key::kErrorRecoveryLevel:
      parameters.error_recovery_level = static_cast<std::uint8_t>(value);
      break;
    case Key::kIscsiProtocolLevel:
      parameters.protocol_level = static_cast<std::uint8_t>(value);
      break;
    default:
      break;
  }
}

std::optional<std::uint32_t> number_in_range(const KeyInfo& info, std::string_view value) {
  const auto number = parse_number(value);
  if (!number || *number < info.minimum || *number > info.maximum) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

bool has_element(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    if (next_element(list) == wanted) return true;
  }
  return false;
}

}  // namespace

bool Negotiation::offer(const KeyValue& pair, KeyPlace place, TextWriter& answer) {
  const KeyInfo* const info = find_key(pair.key);
  if (info == nullptr) {
    answer.add(pair.key, "NotUnderstood");
    return true;
  }
  if (info->kind == KeyKind::kTargetOnly) {
    answer.add(pair.key, "Reject");
    return true;
  }
  const auto index = static_cast<std::size_t>(info->key);
  if (seen_[index]) return false;
  seen_[index] = true;
  // RFC 7143 4.3: after its login a discovery session is asked for targets and for nothing else.
  if (discovery_ && (info->normal_only || (place == kInFullFeature && info->kind != KeyKind::kInquiry))) {
    answer.add(pair.key, "Irrelevant");
    return true;
  }
  if (joining_ && leading_only(*info)) {
    answer.add(pair.key, "Irrelevant");
    return true;
  }
  if ((info->places & place) == 0) return false;
  switch (info->kind) {
    case KeyKind::kText:
      return pair.value.size() <= info->maximum;
    case KeyKind::kLength:
      return take_length(*info, pair.value);
    case KeyKind::kList:
      take_list(*info, pair.value, answer);
      break;
    case KeyKind::kAnd:
    case KeyKind::kOr:
      take_flag(*info, pair.value, answer);
      break;
    case KeyKind::kMinimum:
    case KeyKind::kMaximum:
      take_number(*info, pair.value, answer);
      break;
    case KeyKind::kObsoleteFlag:
      answer.add(pair.key, "No");
      break;
    case KeyKind::kObsoleteRange:
      answer.add(pair.key, "Reject");
      break;
    case KeyKind::kSecurity:
    case KeyKind::kInquiry:
    case KeyKind::kTargetOnly:
      break;
  }
  return true;
}

// Declared, not negotiated: there is no answer that could refuse it.
bool Negotiation::take_length(const KeyInfo& info, std::string_view value) {
  const auto length = number_in_range(info, value);
  if (length) parameters_.initiator_max_data = *length;
  return length.has_value();
}

void Negotiation::take_list(const KeyInfo& info, std::string_view value, TextWriter& answer) {
  const std::string_view ours = accepted(info);
  while (!value.empty()) {
    const std::string_view choice = next_element(value);
    if (!has_element(ours, choice)) continue;
    if (info.key == Key::kHeaderDigest) parameters_.header_digest = choice == "CRC32C";
    if (info.key == Key::kDataDigest) parameters_.data_digest = choice == "CRC32C";
    if (info.key == Key::kTaskReporting) parameters_.response_fence = choice == "ResponseFence";
    answer.add(info.name, choice);
    return;
  }
  answer.add(info.name, "Reject");
}

void Negotiation::take_flag(const KeyInfo& info, std::string_view value, TextWriter& answer) {
  if (value != "Yes" && value != "No") {
    answer.add(info.name, "Reject");
    return;
  }
  const bool theirs = value == "Yes", ours = this->ours(info) != 0;
  if (info.key == Key::kDataPduInOrder || info.key == Key::kDataSequenceInOrder) {
    (info.key == Key::kDataPduInOrder ? pdu_order_offer_ : sequence_order_offer_) = theirs;
    return;
  }
  const bool result = info.kind == KeyKind::kAnd ? theirs && ours : theirs || ours;
  if (bool* const flag = flag_of(parameters_, info.key)) *flag = result;
  answer.add(info.name, result ? "Yes" : "No");
}

void Negotiation::take_number(const KeyInfo& info, std::string_view value, TextWriter& answer) {
  const auto offer = number_in_range(info, value);
  if (!offer) {
    answer.add(info.name, "Reject");
    return;
  }
  if (info.key == Key::kFirstBurstLength) {
    first_burst_offer_ = *offer;
    return;
  }
  if (info.key == Key::kMaxOutstandingR2T) {
    r2t_offer_ = *offer;
    return;
  }
  if (info.key == Key::kDefaultTime2Retain) {
    retain_offer_ = *offer;
    return;
  }
  const std::uint32_t wanted = ours(info);
  const std::uint32_t result = info.kind == KeyKind::kMinimum ? std::min(*offer, wanted) : std::max(*offer, wanted);
  set_number(parameters_, info.key, result);
  answer.add(info.name, result);
}

std::uint32_t Negotiation::ours(const KeyInfo& info) const {
  switch (info.key) {
    case Key::kMaxConnections:
      return max_connections_;
    case Key::kErrorRecoveryLevel:
      return error_recovery_level_;
    case Key::kInitialR2T:
      return target_.initial_r2t ? 1 : 0;
    case Key::kImmediateData:
      return target_.immediate_data ? 1 : 0;
    case Key::kMaxBurstLength:
      return target_.max_burst_length;
    case Key::kDefaultTime2Wait:
      return target_.default_time2wait;
    default:
      return info.ours;
  }
}

std::string_view Negotiation::accepted(const KeyInfo& info) const {
  if (info.key != Key::kHeaderDigest && info.key != Key::kDataDigest) return info.values;
  switch (info.key == Key::kHeaderDigest ? target_.header_digest : target_.data_digest) {
    case DigestUse::kRequired:
      return "CRC32C";
    case DigestUse::kNone:
      return "None";
    case DigestUse::kAny:
      break;
  }
  return info.values;
}

void Negotiation::declare(TextWriter& answer) {
  if (parameters_.target_max_data == target_.max_recv_data_segment_length) return;
  parameters_.target_max_data = target_.max_recv_data_segment_length;
  answer.add(info_of(Key::kMaxRecvDataSegmentLength).name, parameters_.target_max_data);
}

const char* Negotiation::refusal() const {
  if (target_.header_digest == DigestUse::kRequired && !parameters_.header_digest) return "HeaderDigest is required";
  if (target_.data_digest == DigestUse::kRequired && !parameters_.data_digest) return "DataDigest is required";
  return nullptr;
}

// That was agreed to, or still may be.
std::uint8_t Negotiation::level() const {
  return offered(Key::kErrorRecoveryLevel) ? parameters_.error_recovery_level : error_recovery_level_;
}

void Negotiation::finish_number(Key key, std::uint32_t result, TextWriter& answer) {
  set_number(parameters_, key, result);
  answer.add(info_of(key).name, result);
}

// What is lost is found by its order, so from level 1 on we want it.
void Negotiation::finish_order(Key key, std::optional<bool>& offer, TextWriter& answer) {
  if (!offer) return;
  const bool result = *std::exchange(offer, std::nullopt) || level() != 0;
  *flag_of(parameters_, key) = result;
  answer.add(info_of(key).name, result ? "Yes" : "No");
}

void Negotiation::finish(TextWriter& answer) {
  finish_order(Key::kDataPduInOrder, pdu_order_offer_, answer);
  finish_order(Key::kDataSequenceInOrder, sequence_order_offer_, answer);
  if (r2t_offer_) {
    const std::uint32_t most = level() != 0 ? 1 : target_.max_outstanding_r2t;
    finish_number(Key::kMaxOutstandingR2T, std::min(*r2t_offer_, most), answer);
    r2t_offer_.reset();
  }
  if (retain_offer_) {
    finish_number(Key::kDefaultTime2Retain,
                  level() == 2 ? std::min<std::uint32_t>(*retain_offer_, target_.default_time2retain) : 0, answer);
    retain_offer_.reset();
  }
  if (first_burst_offer_) {
    const KeyInfo& info = info_of(Key::kFirstBurstLength);
    const std::uint32_t offer = *first_burst_offer_;
    first_burst_offer_.reset();
    if (offered(Key::kInitialR2T) && offered(Key::kImmediateData) && parameters_.initial_r2t &&
        !parameters_.immediate_data) {
      answer.add(info.name, "Irrelevant");
    } else {
      parameters_.first_burst = std::min({offer, target_.first_burst_length, parameters_.max_burst});
      answer.add(info.name, parameters_.first_burst);
    }
  }
  parameters_.first_burst = std::min(parameters_.first_burst, parameters_.max_burst);
}

}  // namespace iscsi
