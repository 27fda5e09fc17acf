// The stages of login: headers, transitions, responses.
#include "fabrics/iscsi/login.h"

#include <algorithm>

namespace iscsi {

using pdu::LoginRequest;

namespace {
std::uint8_t stage_bits(std::uint8_t current, std::uint8_t next) {
  return static_cast<std::uint8_t>(LoginRequest::CurrentStage::of(current) | LoginRequest::NextStage::of(next));
}
}  // namespace

Login::Login(SettingsRef settings, Arrival arrival) : settings_(std::move(settings)) {
  identity_.portal_group = arrival.portal_group;
  identity_.peer = std::move(arrival.peer);
  identity_.local = std::move(arrival.local);
}

bool Login::fail(LoginStatus status, const char* why) {
  status_ = status;
  why_ = why;
  return false;
}

void LoginResult::refuse(LoginStatus status) {
  text.clear();
  response.flags = 0;
  response.tsih = identity.tsih;
  response.status = static_cast<std::uint16_t>(status);
}

void Login::refuse(LoginStatus status) {
  status_ = status;
  answer_.clear();
  if (redirection_ != nullptr) answer_.add("TargetAddress", redirection_->address);  // 13.8: without a group
  response_.flags = 0;
  response_.tsih = identity_.tsih;
  response_.status = static_cast<std::uint16_t>(status);
}

Login::Next Login::take(const LoginRequest& request, std::span<const std::byte> data) {
  answer_.clear();
  response_ = {};
  const bool good = header_good(request);
  response_.isid = identity_.isid;
  response_.tsih = identity_.tsih;
  response_.initiator_task_tag = initiator_task_tag_;
  response_.stat_sn = stat_sn_++;
  response_.exp_cmd_sn = response_.max_cmd_sn = cmd_sn_;
  if (good) {
    if (data.size() > kMaxText - gathered_.size()) {
      fail(LoginStatus::kInitiatorError, "more text than a login may have");
    } else {
      gathered_.append(reinterpret_cast<const char*>(data.data()), data.size());
      const Next next = answer(request);
      if (status_ == LoginStatus::kSuccess) return next;
    }
  }
  refuse(status_);
  return Next::kClose;
}

bool Login::header_good(const LoginRequest& request) {
  if (++pdus_ > kMaxPdus) return fail(LoginStatus::kInitiatorError, "more requests than a login may have");
  if (!started_ && !first_header_good(request)) return false;
  if (request.isid != identity_.isid || request.tsih != identity_.tsih || request.cid != identity_.cid ||
      request.initiator_task_tag != initiator_task_tag_ || request.cmd_sn != cmd_sn_) {
    return fail(LoginStatus::kInitiatorError, "the requests of one login differ in ISID, TSIH, CID, ITT or CmdSN");
  }
  const auto current = LoginRequest::CurrentStage::get(request.flags);
  const auto next = LoginRequest::NextStage::get(request.flags);
  const bool transit = LoginRequest::Transit::get(request.flags);
  if (current != static_cast<std::uint8_t>(stage_)) return fail(LoginStatus::kInitiatorError, "wrong current stage");
  if (transit && (next <= current || next == 2)) return fail(LoginStatus::kInitiatorError, "wrong next stage");
  if (transit && LoginRequest::Continue::get(request.flags)) {
    return fail(LoginStatus::kInitiatorError, "T and C bit at once");
  }
  return true;
}

bool Login::first_header_good(const LoginRequest& request) {
  started_ = true;
  identity_.isid = request.isid;
  identity_.tsih = request.tsih;
  identity_.cid = request.cid;
  initiator_task_tag_ = request.initiator_task_tag;
  cmd_sn_ = request.cmd_sn;
  stat_sn_ = request.exp_stat_sn;
  if (request.version_min > 0) return fail(LoginStatus::kUnsupportedVersion, "version");
  const auto stage = LoginRequest::CurrentStage::get(request.flags);
  if (stage > 1) return fail(LoginStatus::kInitiatorError, "wrong first stage");
  stage_ = static_cast<Stage>(stage);
  return true;
}

Login::Next Login::answer(const LoginRequest& request) {
  response_.flags = stage_bits(LoginRequest::CurrentStage::get(request.flags), 0);
  if (LoginRequest::Continue::get(request.flags)) return Next::kMore;  // an empty response asks for the rest
  if (!take_text()) return Next::kClose;
  if (!asking_) return change_stage(request.flags);
  asking_flags_ = request.flags;
  return Next::kAsk;
}

Login::Next Login::judged(ChapVerdict verdict) {
  asking_ = false;
  if (verdict == ChapVerdict::kUnknown) {
    fail(LoginStatus::kServiceUnavailable, "no RADIUS server answers");
  } else if (conclude_chap(chap_->judged(verdict == ChapVerdict::kRight, answer_))) {
    const Next next = change_stage(asking_flags_);
    if (status_ == LoginStatus::kSuccess) return next;
  }
  refuse(status_);
  return Next::kClose;
}

Login::Next Login::change_stage(std::uint8_t flags) {
  const auto current = LoginRequest::CurrentStage::get(flags);
  const auto next = LoginRequest::NextStage::get(flags);
  if (!LoginRequest::Transit::get(flags)) return Next::kMore;
  if (stage_ == Stage::kSecurity) {
    if (!security_done()) {
      if (chap_) return Next::kMore;  // not yet
      fail(LoginStatus::kAuthenticationFailure, "authentication is required");
      return Next::kClose;
    }
    if (!admit()) return Next::kClose;
  }
  if (const char* const missing = negotiation_.refusal();
      missing != nullptr && static_cast<Stage>(next) == Stage::kFullFeature) {
    fail(LoginStatus::kInitiatorError, missing);
    return Next::kClose;
  }
  response_.flags = static_cast<std::uint8_t>(stage_bits(current, next) | LoginRequest::Transit::of(true));
  stage_ = static_cast<Stage>(next);
  return stage_ == Stage::kFullFeature ? Next::kFullFeature : Next::kMore;
}

// The text of one request, complete.
bool Login::take_text() {
  const std::string text = std::move(gathered_);
  gathered_.clear();
  std::vector<KeyValue> pairs;
  TextReader reader(text);
  KeyValue pair;
  for (;;) {
    const TextReader::Step step = reader.next(pair);
    if (step == TextReader::Step::kEnd) break;
    if (step == TextReader::Step::kMalformed || pairs.size() == kMaxKeys || ++keys_ > kMaxAllKeys) {
      return fail(LoginStatus::kInitiatorError, "the text is malformed or has too many keys");
    }
    pairs.push_back(pair);
  }
  if (!identified_ && !identify(pairs)) return false;
  if (stage_ == Stage::kOperational && !admit()) return false;
  const KeyPlace place = stage_ == Stage::kSecurity ? kInSecurity : kInOperational;
  for (const KeyValue& each : pairs) {
    if (!negotiation_.offer(each, place, answer_)) {
      return fail(LoginStatus::kInitiatorError,
                  "a key was sent twice, in the wrong stage, or with a value it cannot have");
    }
  }
  negotiation_.finish(answer_);
  if (stage_ == Stage::kSecurity && !take_security(pairs)) return false;
  if (stage_ == Stage::kOperational) negotiation_.declare(answer_);
  return answer_.fits() || fail(LoginStatus::kInitiatorError, "the answer does not fit");
}

}  // namespace iscsi
