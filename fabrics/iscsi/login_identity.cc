// Login: who is it, what does he want to reach, may he; and how he proves it.
#include "fabrics/iscsi/login.h"
#include "fabrics/iscsi/value.h"

namespace iscsi {
namespace {

std::optional<std::string_view> find_value(const std::vector<KeyValue>& pairs, Key key) {
  for (const KeyValue& pair : pairs) {
    if (pair.key == info_of(key).name) return pair.value;
  }
  return std::nullopt;
}

}  // namespace

// The leading request names both ends and the kind of session.
bool Login::identify(const std::vector<KeyValue>& pairs) {
  identified_ = true;
  if (identity_.tsih != 0) negotiation_.set_joining();
  const auto initiator = find_value(pairs, Key::kInitiatorName);
  if (!initiator) return fail(LoginStatus::kMissingParameter, "no InitiatorName");
  const auto name = normalized_name(*initiator);
  if (!name) return fail(LoginStatus::kInitiatorError, "InitiatorName is no iSCSI name");
  identity_.initiator = *name;
  identity_.initiator_alias = find_value(pairs, Key::kInitiatorAlias).value_or("");
  const auto type = find_value(pairs, Key::kSessionType).value_or("Normal");
  if (type != "Normal" && type != "Discovery") return fail(LoginStatus::kSessionTypeNotSupported, "SessionType");
  identity_.discovery = type == "Discovery";
  if (identity_.discovery) {
    negotiation_.set_discovery();
    authentication_ = &settings_->config().discovery;
    return true;
  }
  const auto target = find_value(pairs, Key::kTargetName);
  if (!target) return fail(LoginStatus::kMissingParameter, "no TargetName");
  identity_.target = normalized_name(*target).value_or("");
  return identify_target();
}

bool Login::identify_target() {
  target_ = settings_->find_target(identity_.target);
  if (target_ == nullptr || !Settings::offers(*target_, identity_.portal_group)) {
    return fail(LoginStatus::kNotFound, "there is no such target here");
  }
  // What joins a session stays where that one is.
  if (identity_.tsih == 0) redirection_ = settings_->redirection(*target_, identity_.portal_group, identity_.local);
  if (redirection_ != nullptr) {
    return fail(redirection_->permanent ? LoginStatus::kTargetMovedPermanently : LoginStatus::kTargetMovedTemporarily,
                "the target is elsewhere");
  }
  authentication_ = &target_->authentication;
  negotiation_.set_max_connections(target_->max_connections);
  negotiation_.set_error_recovery_level(target_->error_recovery_level);
  negotiation_.set_target(target_->keys);
  answer_.add("TargetPortalGroupTag", identity_.portal_group);
  if (!target_->alias.empty()) answer_.add("TargetAlias", target_->alias);
  return true;
}

SessionLimits Login::limits() const {
  SessionLimits limits;
  if (target_ != nullptr) {
    limits.target_sessions = target_->max_sessions;
    limits.target_rate = target_->max_logins_per_second;
  }
  if (const Portal* const portal = settings_->portal_at(identity_.portal_group, identity_.local)) {
    limits.portal = portal->address;
    limits.portal_sessions = portal->max_sessions;
    limits.portal_rate = portal->max_logins_per_second;
  }
  return limits;
}

// The end of the security stage, or its being skipped.
bool Login::admit() {
  if (admitted_) return true;
  if (!security_done()) return fail(LoginStatus::kAuthenticationFailure, "authentication is required");
  if (target_ != nullptr && !Settings::permits(*target_, identity_.initiator, identity_.peer)) {
    return fail(LoginStatus::kAuthorizationFailure, "this initiator has no access to this target");
  }
  if (target_ != nullptr && target_->initiators_awaited) {
    return fail(LoginStatus::kServiceUnavailable, "who has access to this target is not known yet");
  }
  admitted_ = true;
  return true;
}

bool Login::take_security(const std::vector<KeyValue>& pairs) {
  ChapKeys keys;
  for (const KeyValue& pair : pairs) {
    if (const KeyInfo* const info = find_key(pair.key)) keys.set(info->key, pair.value);
  }
  if (const auto offer = find_value(pairs, Key::kAuthMethod)) {
    if (!keys.empty()) return fail(LoginStatus::kAuthenticationFailure, "keys out of order");
    return choose_method(*offer);
  }
  return keys.empty() || take_chap(keys);
}

// The first of the initiator's methods that the settings allow.
bool Login::choose_method(std::string_view offer) {
  while (!offer.empty()) {
    const std::string_view method = next_element(offer);
    if (method == "CHAP" && (authentication_->required || !authentication_->accounts.empty())) {
      chap_ = std::make_unique<Chap>(*authentication_);
      answer_.add("AuthMethod", "CHAP");
      return true;
    }
    if (method == "None" && !authentication_->required) {
      answer_.add("AuthMethod", "None");
      return true;
    }
  }
  return fail(LoginStatus::kAuthenticationFailure, "no authentication method in common");
}

bool Login::take_chap(const ChapKeys& keys) {
  if (!chap_) return fail(LoginStatus::kAuthenticationFailure, "keys out of order");
  // A key of the exchange comes once in a login, but an exchange that goes on has others.
  return conclude_chap(chap_->take(keys, answer_));
}

bool Login::conclude_chap(Chap::Verdict verdict) {
  switch (verdict) {
    case Chap::Verdict::kContinue:
      return true;
    case Chap::Verdict::kAsk:
      asking_ = true;
      return true;
    case Chap::Verdict::kFailed:
      return fail(LoginStatus::kAuthenticationFailure, chap_->why());
    case Chap::Verdict::kAuthenticated:
      break;
  }
  chap_passed_ = true;
  identity_.authentication = "CHAP " + chap_->user() + ", " + chap_algorithm_name(chap_->algorithm()) +
                             (authentication_->radius ? ", RADIUS" : "") + (chap_->mutual() ? ", mutual" : "");
  return true;
}

}  // namespace iscsi
