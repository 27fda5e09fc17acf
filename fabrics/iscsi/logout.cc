// Logout, and asking for one (RFC 7143 11.14, 11.15, 11.9.1).
#include <algorithm>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {
namespace {

enum LogoutReason : std::uint8_t { kCloseSession = 0, kCloseConnection = 1, kRemoveForRecovery = 2 };
enum LogoutAnswer : std::uint8_t { kClosed = 0, kCidNotFound = 1, kRecoveryNotSupported = 2 };
constexpr std::uint8_t kRequestLogout = 1;  // AsyncEvent

}  // namespace

void Connection::receive_logout(const hal::ControlPdu& pdu) {
  const auto& request = pdu.as<pdu::LogoutRequest>();
  const std::uint8_t reason = pdu::LogoutRequest::Reason::get(request.flags);
  if (reason > kRemoveForRecovery) {
    reject(pdu::RejectReason::kInvalidPduField, pdu.header);
    return;
  }
  shard_.note(PortEvent::kLogoutRequested, datamover_->peer_address(), reason);
  consume(pdu);
  logout_tag_ = request.initiator_task_tag;
  if (reason == kRemoveForRecovery) {  // needs ErrorRecoveryLevel 2
    answer_logout(kRecoveryNotSupported);
    return;
  }
  if (reason == kCloseConnection && request.cid != cid_) {
    answer_logout(kCidNotFound);
    return;
  }
  logout_response_ = kClosed;
  phase_ = Phase::kLoggingOut;  // from here on nothing is heard; the answer comes when the nexus is quiet
  timer_.disarm();
  session_->end();
}

void Connection::answer_logout(std::uint8_t code) {
  pdu::LogoutResponse response;
  response.response = code;
  response.initiator_task_tag = logout_tag_;
  response.time2wait = session_->parameters.time2wait;
  response.time2retain = session_->parameters.time2retain;
  stamp(response);
  datamover_->send(response);
}

void Connection::request_logout(base::Duration grace) {
  if (phase_ != Phase::kFullFeature) return;
  pdu::AsyncMessage message;
  message.async_event = kRequestLogout;
  message.parameter3 = static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(grace).count(), 1, 65535));
  stamp(message);
  datamover_->send(message);
  shard_.note(PortEvent::kLogoutAsked, datamover_->peer_address(), message.parameter3);
  grace_over_ = shard_.reactor().now() + grace;
  timer_.arm(shard_.reactor().timers(), grace_over_);
}

}  // namespace iscsi
