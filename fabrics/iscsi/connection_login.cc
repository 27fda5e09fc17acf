// A connection's login: PDUs to and from the login machine, the wait for the session, the start of full feature phase.
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

void Connection::receive_login(const hal::ControlPdu& pdu) {
  if (pdu::OpcodeBits::get(pdu.header.opcode) != pdu::Opcode::kLoginRequest || !pdu.ahs.empty()) {
    protocol_error("something else than a login request before login");
    return;
  }
  const auto& request = pdu.as<pdu::LoginRequest>();
  switch (login_->take(request, pdu.data)) {
    case Login::Next::kMore:
      send_login_response();
      break;
    case Login::Next::kClose:
      fail_login(login_->status(), login_->why());
      break;
    case Login::Next::kFullFeature:
      phase_ = Phase::kRegistering;
      awaits_control_ = true;
      shard_.control().session_requested({.shard = shard_.index(), .connection = id, .identity = login_->identity()});
      break;
  }
}

void Connection::send_login_response() {
  stat_sn_ = login_->response().stat_sn + 1;
  datamover_->send(login_->response(), as_bytes(login_->text()));
}

void Connection::login_finished() {
  login_.reset();
  if (!login_counted_) return;
  login_counted_ = false;
  shard_.control().login_over(datamover_->peer_address());
}

void Connection::fail_login(LoginStatus status, const char* why) {
  FabricCounters& counters = shard_.counters();
  ++counters.login_failures;
  if (status == LoginStatus::kAuthenticationFailure) ++counters.authentication_failures;
  shard_.note(PortEvent::kLoginRefused, datamover_->peer_address(), static_cast<std::uint64_t>(status));
  if (shard_.log_budget().allow(shard_.reactor().now())) {
    kLog.warn("{}: login of {} to {} refused with status {:04x}: {} ({} lines suppressed)", datamover_->peer_address(),
              base::escaped(login_->identity().initiator), base::escaped(login_->identity().target),
              static_cast<unsigned>(status), why, shard_.log_budget().suppressed());
  }
  login_->refuse(status);
  send_login_response();
  close(kLinger);
}

// The control reactor's word on the session; only now is the last response sent.
void Connection::session_granted(std::uint64_t session, LoginStatus status, std::uint16_t tsih) {
  awaits_control_ = false;
  if (phase_ != Phase::kRegistering) {  // the connection went away meanwhile
    if (status == LoginStatus::kSuccess) shard_.control().session_gone(session);
    shard_.reap_soon(*this);
  } else if (status != LoginStatus::kSuccess) {
    fail_login(status, "no session to be had");
  } else {
    start_full_feature(session, tsih);
  }
}

void Connection::start_full_feature(std::uint64_t session, std::uint16_t tsih) {
  const LoginIdentity& identity = login_->identity();
  // The settings may have changed since the login began.
  const Target* const target = identity.discovery ? nullptr : shard_.settings()->find_target(identity.target);
  TargetPort* const port = shard_.port_of(target, identity.portal_group);
  const bool allowed = identity.discovery || (port != nullptr && Settings::permits(*target, identity.initiator));
  auto fresh = std::make_unique<Session>(shard_, session, tsih, identity, login_->parameters());
  if (!allowed || !fresh->open(port, login_->cmd_sn(), target != nullptr ? target->command_window : 16, *this)) {
    shard_.control().session_gone(session);
    fail_login(allowed ? LoginStatus::kOutOfResources : LoginStatus::kTargetRemoved, "no session can be made");
    return;
  }
  session_ = &shard_.add_session(std::move(fresh));
  nexus_ = session_->nexus();
  cid_ = identity.cid;
  kLog.debug("{}: {} logged in to {} (authentication: {})", datamover_->peer_address(),
             base::escaped(identity.initiator, kMaxName),
             identity.discovery ? "discovery" : base::escaped(identity.target, kMaxName),
             base::escaped(identity.authentication, 300));
  ++shard_.counters().logins;
  shard_.note(PortEvent::kLoggedIn, datamover_->peer_address(), session);
  login_->accept(tsih);
  login_->response().exp_cmd_sn = session_->window.expected();
  login_->response().max_cmd_sn = session_->window.maximum();
  send_login_response();
  datamover_->enable(
      session_->parameters.datamover_keys(),
      {.stat_sn = &stat_sn_, .exp_cmd_sn = &session_->window.expected(), .max_cmd_sn = &session_->window.maximum()});
  phase_ = Phase::kFullFeature;
  login_finished();
  timer_.disarm();
  if (const base::Duration interval = shard_.limits().nop_interval; interval.count() != 0) {
    timer_.arm(shard_.reactor().timers(), shard_.reactor().now() + interval);
  }
}

}  // namespace iscsi
