// Logout (RFC 7143 11.14, 11.15).
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {
namespace {

enum LogoutReason : std::uint8_t { kCloseSession = 0, kCloseConnection = 1, kRemoveForRecovery = 2 };

}  // namespace

void Connection::receive_logout(const hal::ControlPdu& pdu) {
  const auto& request = pdu.as<pdu::LogoutRequest>();
  const std::uint8_t reason = pdu::LogoutRequest::Reason::get(request.flags);
  if (reason > kRemoveForRecovery) {
    reject(pdu::RejectReason::kInvalidPduField, pdu.header);
    return;
  }
  Connection* leaving = this;
  if (reason != kCloseSession && request.cid != cid_) leaving = session_->find(request.cid);
  if (leaving != nullptr && leaving->logout_asker_ != nullptr) {  // one answer is owed for it already
    reject(pdu::RejectReason::kTaskInProgress, pdu.header);
    return;
  }
  shard_.note(PortEvent::kLogoutRequested, datamover_->peer_address(), reason);
  consume(pdu);
  if (reason == kRemoveForRecovery && session_->parameters.error_recovery_level < 2) {
    answer_logout(request.initiator_task_tag, kRecoveryNotSupported);
  } else if (leaving == nullptr) {
    answer_logout(request.initiator_task_tag, kCidNotFound);
  } else if (leaving != this) {
    leaving->logout_asker_ = this;
    leaving->logout_asker_tag_ = request.initiator_task_tag;
    leaving->announced_ = true;
    if (reason == kRemoveForRecovery) {
      leaving->log_out_for_recovery();
    } else {
      leaving->leave_for_good();
    }
  } else if (reason == kRemoveForRecovery && may_suspend()) {
    answer_logout(request.initiator_task_tag, kLoggedOut);
    logged_out_ = announced_ = true;
    suspend(kLinger);
  } else {
    // From here on nothing is heard; the answer comes when the nexus, or what we have of it, is quiet.
    logout_tag_ = request.initiator_task_tag;
    phase_ = Phase::kLoggingOut;
    timer_.disarm();
    if (reason == kCloseSession) {
      session_->end();
    } else {
      leave_for_good();
    }
  }
}

void Connection::answer_logout(std::uint32_t tag, LogoutAnswer answer) {
  pdu::LogoutResponse response;
  response.response = answer;
  response.initiator_task_tag = tag;
  response.time2wait = session_->parameters.time2wait;
  response.time2retain = session_->parameters.time2retain;
  send_numbered(response);
}

}  // namespace iscsi
