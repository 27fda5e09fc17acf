// A connection's life and the dispatch of what arrives.
#include "fabrics/iscsi/connection.h"

#include <utility>

#include "base/check.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

using pdu::Opcode;
using pdu::RejectReason;

Connection::Connection(Shard& shard, std::uint64_t connection_id, std::uint16_t portal_group,
                       std::unique_ptr<hal::DatamoverConnection> datamover)
    : id(connection_id), shard_(shard), datamover_(std::move(datamover)), portal_group_(portal_group) {
  datamover_->set_events(*this);
  last_heard_ = shard_.reactor().now();
  login_ = std::make_unique<Login>(
      shard_.settings(),
      Arrival{.portal_group = portal_group, .peer = datamover_->peer_address(), .local = datamover_->local_address()});
  timer_.arm(shard_.reactor().timers(), last_heard_ + shard_.limits().login_timeout);
}

Connection::Connection(Shard& shard, std::uint64_t connection_id, std::uint16_t portal_group,
                       std::unique_ptr<hal::DatamoverConnection> datamover, LoginResult login)
    : Connection(shard, connection_id, portal_group, std::move(datamover)) {
  login_.reset();
  result_ = std::make_unique<LoginResult>(std::move(login));
  phase_ = Phase::kRegistering;
}

Connection::~Connection() {
  CHECK(session_ == nullptr && owed_.answers.empty());
  if (owed_.linked()) owed_.unlink();
}

SessionInfo::Connection Connection::info() const {
  return {.cid = cid_,
          .peer = datamover_->peer_address(),
          .local = datamover_->local_address(),
          .header_digest = parameters_.header_digest,
          .data_digest = parameters_.data_digest};
}

void Connection::log_peer_error(const char* what) {
  if (!shard_.log_budget().allow(shard_.reactor().now())) return;
  kLog.warn("{}: {} ({} lines suppressed)", datamover_->peer_address(), what, shard_.log_budget().suppressed());
}

void Connection::protocol_error(const char* what) {
  ++shard_.counters().protocol_errors;
  shard_.note(PortEvent::kProtocolError, datamover_->peer_address());
  log_peer_error(what);
  if (session_ != nullptr) {
    leave();
  } else {
    close();
  }
}

// --- arrival ---

void Connection::control_notify(const hal::ControlPdu& pdu) {
  last_heard_ = shard_.reactor().now();
  if (__builtin_expect(phase_ == Phase::kFullFeature, 1)) {
    if (__builtin_expect(pdu::OpcodeBits::get(pdu.header.opcode) == Opcode::kScsiCommand, 1)) {
      receive_scsi_command(pdu);
    } else {
      dispatch(pdu);
    }
    return;
  }
  if (phase_ == Phase::kLogin) {
    receive_login(pdu);
  } else if (phase_ == Phase::kRegistering) {
    protocol_error("a request before the last login response");
  }  // else: on the way out, nothing is heard any more
}

void Connection::dispatch(const hal::ControlPdu& pdu) {
  const std::uint32_t exp_stat_sn = pdu.as<pdu::NopOut>().exp_stat_sn;  // at the same place in all of them
  switch (pdu::OpcodeBits::get(pdu.header.opcode)) {
    case Opcode::kNopOut:
    case Opcode::kTaskManagementRequest:
    case Opcode::kTextRequest:
    case Opcode::kLogoutRequest:
      if (recovery_ != nullptr) statuses_acknowledged(exp_stat_sn);
      receive_numbered(pdu);
      if (session_ != nullptr && !session_->ending()) catch_up(exp_stat_sn);
      break;
    case Opcode::kSnackRequest:
      receive_snack(pdu);
      break;
    case Opcode::kDataOut:
      data_out_rejected(nullptr, RejectReason::kInvalidPduField, pdu.header);
      break;
    case Opcode::kLoginRequest:
      reject(RejectReason::kProtocolError, pdu.header);
      break;
    default:
      reject(RejectReason::kCommandNotSupported, pdu.header);
      break;
  }
}

// A request with a CmdSN, other than a SCSI command. (It lies at the same place in all of them.)
void Connection::receive_numbered(const hal::ControlPdu& pdu) {
  static_assert(offsetof(pdu::NopOut, cmd_sn) == 24 && offsetof(pdu::TaskManagementRequest, cmd_sn) == 24 &&
                offsetof(pdu::TextRequest, cmd_sn) == 24 && offsetof(pdu::LogoutRequest, cmd_sn) == 24);
  const std::uint32_t cmd_sn = pdu.as<pdu::NopOut>().cmd_sn;
  const auto place =
      pdu::Immediate::get(pdu.header.opcode) ? CommandWindow::Place::kNext : session_->window.place(cmd_sn);
  if (place == CommandWindow::Place::kOutside) return;
  if (pdu.data_digest_error) {
    reject(RejectReason::kDataDigestError, pdu.header);
  } else if (place == CommandWindow::Place::kNext) {
    serve(pdu);
  } else if (!session_->held.has(cmd_sn)) {
    if (session_->held.fits(pdu.data.size())) {
      session_->held.add(
          {.cmd_sn = cmd_sn, .connection = this, .task = nullptr, .pdu = std::make_unique<PduCopy>(pdu)});
    } else {
      reject(RejectReason::kLongOperationReject, pdu.header);
    }
  }
}

// In discovery sessions only texts and the end of the session are for the initiator to ask (RFC 7143 4.3).
void Connection::serve(const hal::ControlPdu& pdu) {
  const Opcode opcode = pdu::OpcodeBits::get(pdu.header.opcode);
  if (opcode == Opcode::kTextRequest) {
    receive_text(pdu);
  } else if (opcode == Opcode::kLogoutRequest) {
    receive_logout(pdu);
  } else if (nexus_ == nullptr) {
    reject(RejectReason::kProtocolError, pdu.header);
  } else if (opcode == Opcode::kNopOut) {
    receive_nop_out(pdu);
  } else {
    receive_task_management(pdu);
  }
}

void Connection::consume(const hal::ControlPdu& pdu) {
  if (pdu::Immediate::get(pdu.header.opcode)) return;
  session_->window.receive();
  session_->window.release();
}

void Connection::catch_up(std::uint32_t exp_stat_sn) {
  Session& session = *session_;
  if (fenced_) acknowledged(exp_stat_sn);
  session.run_held();
}

// RFC 7143 11.17: quotes the header. The CmdSN of a rejected request does not count as received.
void Connection::reject(RejectReason reason, const pdu::BasicHeader& header) {
  ++shard_.counters().rejects;
  shard_.note(PortEvent::kRejected, datamover_->peer_address(), static_cast<std::uint64_t>(reason));
  if (reason == RejectReason::kDataDigestError) ++shard_.counters().digest_errors;
  pdu::Reject response;
  response.reason = static_cast<std::uint8_t>(reason);
  send_numbered(response, std::as_bytes(std::span(&header, 1)));
}

// --- end ---

void Connection::close(base::Duration linger) {
  if (phase_ == Phase::kClosing) return;
  phase_ = Phase::kClosing;
  timer_.disarm();
  if (joining_ != nullptr) std::exchange(joining_, nullptr)->give_up_joining(*this);
  login_finished();
  if (!closed_) datamover_->terminate(linger);
}

void Connection::connection_terminate_notify(hal::CloseReason reason) {
  closed_ = true;
  if (reason == hal::CloseReason::kHeaderDigest) ++shard_.counters().digest_errors;
  if (reason == hal::CloseReason::kProtocolError) ++shard_.counters().protocol_errors;
  shard_.note(PortEvent::kConnectionOver, datamover_->peer_address());
  kLog.debug("{}: connection over: {}", datamover_->peer_address(), hal::close_reason_name(reason));
  if (reason == hal::CloseReason::kPeerClosed) announced_ = true;
  if (session_ != nullptr) leave();
  if (suspended_) suspended_is_closed();
  close();
  shard_.reap_soon(*this);
}

bool Connection::came_by_portal_of(const Settings& settings) const {
  return settings.portal_at(portal_group_, datamover_->local_address()) != nullptr;
}

void Connection::settings_changed() {
  if (phase_ == Phase::kFullFeature && !timer_.armed()) keepalive();
}

std::uint32_t Connection::new_tag() {
  if (++next_tag_ == pdu::kReservedTag) next_tag_ = 1;
  return next_tag_;
}

void Connection::timer() {
  if (in_login()) {
    log_peer_error("login took too long");
    close();
  } else if (suspended_) {
    leave_for_good();  // Time2Wait and Time2Retain are over
  } else if (recovery_ != nullptr && recovery_->too_many()) {
    shard_.recovery_memory().refuse();
    protocol_error("responses are not acknowledged");
  } else if (grace_over_ != base::Time{} && shard_.reactor().now() >= grace_over_) {
    grace_is_over();
  } else if (fenced_ && shard_.reactor().now() >= fence_over_) {
    log_peer_error("responses not acknowledged in time");
    leave();
  } else {
    keepalive();
  }
}

}  // namespace iscsi
