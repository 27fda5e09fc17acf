// A connection at rest: hears nothing, is described, goes on.
#include <fcntl.h>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

Connection::Connection(Shard& shard, Session& session, const ConnectionState& state,
                       std::unique_ptr<hal::DatamoverConnection> datamover)
    : id(state.id),
      shard_(shard),
      datamover_(std::move(datamover)),
      session_(&session),
      nexus_(session.nexus()),
      phase_(Phase::kFullFeature),
      login_counted_(false),
      cid_(state.cid),
      portal_group_(state.portal_group),
      stat_sn_(state.stat_sn),
      parameters_(state.parameters),
      ping_tag_(state.ping_tag),
      late_pings_(state.late_pings),
      next_tag_(state.next_tag) {
  datamover_->set_events(*this);
  datamover_->pause(true);
  last_heard_ = pinged_at_ = shard_.reactor().now();
  datamover_->enable(
      parameters_.datamover_keys(),
      {.stat_sn = &stat_sn_, .exp_cmd_sn = &session_->window.expected(), .max_cmd_sn = &session_->window.maximum()});
  if (session.parameters.error_recovery_level != 0) {
    recovery_ = std::make_unique<Recovery>(stat_sn_, shard_.recovery_memory());
  }
  session_->attach(*this);
}

bool Connection::at_rest() const {
  return phase_ == Phase::kFullFeature && !closed_ && !leaving_ && !suspended_ && !logged_out_ && !fenced_ &&
         grace_over_ == base::Time{} && logout_asker_ == nullptr && text_ == nullptr && owed_.answers.empty() &&
         (recovery_ == nullptr || recovery_->all_acknowledged()) && datamover_->at_rest();
}

void Connection::ask_to_acknowledge() {
  const bool owed = recovery_ != nullptr && !recovery_->all_acknowledged();
  if (owed && live() && ping_tag_ == pdu::kReservedTag) send_ping();
}

void Connection::freeze() {
  timer_.disarm();
  datamover_->pause(true);
}

// What was silent while nobody listened is not held against it.
void Connection::thaw() {
  if (phase_ != Phase::kFullFeature) return;
  last_heard_ = shard_.reactor().now();
  if (ping_tag_ != pdu::kReservedTag) pinged_at_ = last_heard_;
  datamover_->pause(false);
  keepalive();
}

base::Result<ConnectionState> Connection::hand_over() const {
  ConnectionState state;
  state.id = id;
  state.cid = cid_;
  state.portal_group = portal_group_;
  state.local = datamover_->local_address();
  state.peer = datamover_->peer_address();
  state.socket = base::Fd(fcntl(datamover_->descriptor(), F_DUPFD_CLOEXEC, 0));
  if (!state.socket) return base::fail_errno("hand the connection of " + state.peer + " over");
  state.parameters = parameters_;
  state.stat_sn = stat_sn_;
  state.next_tag = next_tag_;
  state.ping_tag = ping_tag_;
  state.late_pings = late_pings_;
  return state;
}

}  // namespace iscsi
