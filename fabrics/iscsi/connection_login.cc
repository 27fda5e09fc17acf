// A connection's login: PDUs to and from the login machine, the wait for the session, the start of full feature phase.
#include <utility>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

void Connection::receive_login(const hal::ControlPdu& pdu) {
  if (pdu::OpcodeBits::get(pdu.header.opcode) != pdu::Opcode::kLoginRequest || !pdu.ahs.empty()) {
    protocol_error("something else than a login request before login");
    return;
  }
  const auto& request = pdu.as<pdu::LoginRequest>();
  login_goes_on(login_->take(request, pdu.data));
}

void Connection::login_goes_on(Login::Next next) {
  switch (next) {
    case Login::Next::kMore:
      send_login_response();
      break;
    case Login::Next::kAsk:
      phase_ = Phase::kRegistering;
      awaits_control_ = true;
      shard_.control().proof_given({.shard = shard_.index(), .connection = id, .proof = login_->proof()});
      break;
    case Login::Next::kClose:
      result_ = std::make_unique<LoginResult>(login_->result());
      if (login_->redirected()) {
        redirect();
      } else {
        fail_login(login_->status(), login_->why());
      }
      break;
    case Login::Next::kFullFeature:
      result_ = std::make_unique<LoginResult>(login_->result());
      phase_ = Phase::kRegistering;
      awaits_control_ = true;
      shard_.control().session_requested(
          {.shard = shard_.index(), .connection = id, .identity = result_->identity, .limits = login_->limits()});
      break;
  }
}

void Connection::send_login_response() {
  stat_sn_ = login_->response().stat_sn + 1;
  datamover_->send(login_->response(), as_bytes(login_->text()));
}

void Connection::send_last_login_response() {
  stat_sn_ = result_->response.stat_sn + 1;
  datamover_->send(result_->response, as_bytes(result_->text));
}

void Connection::login_finished() {
  login_.reset();
  result_.reset();
  if (!login_counted_) return;
  login_counted_ = false;
  shard_.control().login_over(datamover_->peer_address());
}

void Connection::redirect() {
  ++shard_.counters().redirections;
  shard_.note(PortEvent::kRedirected, datamover_->peer_address(), static_cast<std::uint64_t>(login_->status()));
  kLog.debug("{}: {} sent elsewhere for {}", datamover_->peer_address(), base::escaped(result_->identity.initiator),
             base::escaped(result_->identity.target));
  send_login_response();
  close(kLinger);
}

void Connection::fail_login(LoginStatus status, const char* why) {
  FabricCounters& counters = shard_.counters();
  ++counters.login_failures;
  if (status == LoginStatus::kAuthenticationFailure) ++counters.authentication_failures;
  shard_.note(PortEvent::kLoginRefused, datamover_->peer_address(), static_cast<std::uint64_t>(status));
  if (shard_.log_budget().allow(shard_.reactor().now())) {
    kLog.warn("{}: login of {} to {} refused with status {:04x}: {} ({} lines suppressed)", datamover_->peer_address(),
              base::escaped(result_->identity.initiator), base::escaped(result_->identity.target),
              static_cast<unsigned>(status), why, shard_.log_budget().suppressed());
  }
  result_->refuse(status);
  send_last_login_response();
  close(kLinger);
}

void Connection::proof_judged(ChapVerdict verdict) {
  awaits_control_ = false;
  if (phase_ != Phase::kRegistering) {  // the connection went away meanwhile
    shard_.reap_soon(*this);
    return;
  }
  phase_ = Phase::kLogin;
  login_goes_on(login_->judged(verdict));
}

// The control reactor's word on the session; only now is the last response sent.
void Connection::session_granted(const SessionGrant& grant) {
  awaits_control_ = false;
  const bool good = grant.status == LoginStatus::kSuccess;
  if (phase_ != Phase::kRegistering) {  // the connection went away meanwhile
    if (good && !grant.joins) shard_.control().session_gone(grant.session);
    shard_.reap_soon(*this);
  } else if (!good) {
    fail_login(grant.status, "no session to be had");
  } else if (!grant.joins) {
    start_session(grant);
  } else if (grant.shard == shard_.index()) {
    join(shard_.session(grant.session));
  } else {
    move_to(grant);
  }
}

void Connection::start_session(const SessionGrant& grant) {
  const LoginIdentity& identity = result_->identity;
  // The settings may have changed since the login began.
  const Target* const target = identity.discovery ? nullptr : shard_.settings()->find_target(identity.target);
  TargetPort* const port = shard_.port_of(target, identity.portal_group);
  const bool allowed =
      identity.discovery || (port != nullptr && Settings::permits(*target, identity.initiator, identity.peer));
  auto fresh = std::make_unique<Session>(shard_, grant.session, grant.tsih, identity, result_->parameters);
  constexpr std::uint16_t kDiscoveryWindow = 16;
  const std::uint16_t window = target != nullptr ? target->command_window : kDiscoveryWindow;
  const std::uint16_t share = target != nullptr ? shard_.window_share(*target) : kDiscoveryWindow;
  if (!allowed || !fresh->open(port, result_->cmd_sn, window, share)) {
    shard_.control().session_gone(grant.session);
    fail_login(allowed ? LoginStatus::kOutOfResources : LoginStatus::kTargetRemoved, "no session can be made");
    return;
  }
  parameters_ = result_->parameters;
  start_full_feature(shard_.add_session(std::move(fresh)));
}

// --- a further connection ---

// The session lives on another reactor: the socket goes there, with what the login has come to.
void Connection::move_to(const SessionGrant& grant) {
  std::unique_ptr<hal::PendingConnection> socket = datamover_->hand_over();
  if (socket == nullptr) {
    protocol_error("more bytes before the last login response");
    return;
  }
  shard_.control().connection_moves(std::make_unique<MovingConnection>(MovingConnection{.shard = grant.shard,
                                                                                        .id = id,
                                                                                        .portal_group = portal_group_,
                                                                                        .session = grant.session,
                                                                                        .socket = std::move(socket),
                                                                                        .login = std::move(*result_)}));
  login_counted_ = false;  // still is one, but not ours
  closed_ = true;
  close();
  shard_.reap_soon(*this);
}

void Connection::join(Session* session) {
  cid_ = result_->identity.cid;
  if (session == nullptr) {
    join_refused(LoginStatus::kSessionDoesNotExist, "the session has ended");
    return;
  }
  joining_ = session;
  session->join(*this);
}

void Connection::join_refused(LoginStatus status, const char* why) {
  joining_ = nullptr;
  fail_login(status, why);
}

void Connection::joined() {
  Session& session = *std::exchange(joining_, nullptr);
  parameters_ = session.parameters;
  parameters_.header_digest = result_->parameters.header_digest;
  parameters_.data_digest = result_->parameters.data_digest;
  parameters_.initiator_max_data = result_->parameters.initiator_max_data;
  parameters_.target_max_data = result_->parameters.target_max_data;
  start_full_feature(session);
}

void Connection::start_full_feature(Session& session) {
  const LoginIdentity& identity = result_->identity;
  session_ = &session;
  nexus_ = session_->nexus();
  cid_ = identity.cid;
  session_->attach(*this);
  kLog.debug("{}: {} logged in to {} (authentication: {})", datamover_->peer_address(),
             base::escaped(identity.initiator, kMaxName),
             identity.discovery ? "discovery" : base::escaped(identity.target, kMaxName),
             base::escaped(identity.authentication, 300));
  ++shard_.counters().logins;
  shard_.note(PortEvent::kLoggedIn, datamover_->peer_address(), session_->id);
  result_->response.tsih = session_->tsih;
  result_->response.exp_cmd_sn = session_->window.expected();
  result_->response.max_cmd_sn = session_->window.maximum();
  send_last_login_response();
  datamover_->enable(
      parameters_.datamover_keys(),
      {.stat_sn = &stat_sn_, .exp_cmd_sn = &session_->window.expected(), .max_cmd_sn = &session_->window.maximum()});
  if (session.parameters.error_recovery_level != 0) {
    recovery_ = std::make_unique<Recovery>(stat_sn_, shard_.recovery_memory());
  }
  phase_ = Phase::kFullFeature;
  login_finished();
  timer_.disarm();
  keepalive();
}

}  // namespace iscsi
