// A session's beginning and end.
#include "fabrics/iscsi/session.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"
#include "scsi_core/nexus.h"

namespace iscsi {
namespace {

constexpr base::Duration kChangesAtOnce = std::chrono::milliseconds(500);  // are one event

}  // namespace

Session::Session(Shard& shard, std::uint64_t session_id, std::uint16_t session_handle, const LoginIdentity& who,
                 const Parameters& negotiated)
    : id(session_id), tsih(session_handle), identity(who), parameters(negotiated), shard_(shard) {}

Session::~Session() {
  CHECK(nexus_ == nullptr && connections_.empty() && joining_.empty() && management.empty());
  shard_.tasks().unreserve(promised_);
  if (port_ != nullptr) --port_->sessions;
  if (end_soon_.linked()) end_soon_.unlink();
}

bool Session::open(TargetPort* port, std::uint32_t cmd_sn, std::uint16_t slots, std::uint16_t share) {
  if (port != nullptr) {
    promised_ = shard_.tasks().reserve(slots + std::size_t{kMaxImmediate}, 1 + kMaxImmediate);
    if (promised_ == 0) return false;
    slots = static_cast<std::uint16_t>(promised_ - kMaxImmediate);
  }
  window.start(cmd_sn, std::min(slots, share));
  port_ = port;
  if (port == nullptr) return true;
  enter(*port);
  return true;
}

void Session::enter(TargetPort& port) {
  ++port.sessions;
  nexus_ = &shard_.router().nexus_established(port, initiator_port(identity.initiator, identity.isid), this);
}

void Session::end() {
  if (ending_) return;
  ending_ = true;
  shard_.note(PortEvent::kSessionEnded, identity.initiator, id);
  for (Connection* const each : connections_) each->session_ending();
  for (Connection* const each : std::exchange(joining_, {})) {
    each->join_refused(LoginStatus::kSessionDoesNotExist, "the session has ended");
  }
  // What the core does not have ends here.
  tasks.for_each([](Task& task) {
    if (task.place != TaskPlace::kCore) task.connection->drop(task);
  });
  held.clear();
  management.for_each([this](ManagementRequest& request) {
    if (request.waiting || request.fenced) retire(request, ManagementAnswer::kFunctionRejected);
  });
  if (nexus_ != nullptr) {
    shard_.router().nexus_lost(*nexus_);
  } else {
    shard_.reap_soon(*this);
  }
}

void Session::drop() {
  if (ending_) return;
  for (Connection* const each : connections_) each->report_session_drop();
  end();
}

void Session::drop_connections() {
  for (Connection* const each : connections_) each->report_drop(each->cid(), false);
  end();
}

void Session::request_logout(base::Duration grace) {
  const bool live = std::any_of(connections_.begin(), connections_.end(), [](auto* each) { return each->live(); });
  if (!live) return drop();
  for (Connection* const each : connections_) each->request_logout(grace);
}

bool Session::asked_to_log_out() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto* each) { return !each->live() || each->asked_to_log_out(); });
}

void Session::ask_to_negotiate(base::Duration limit) {
  for (Connection* const each : connections_) each->ask_to_negotiate(limit);
}

void Session::end_soon() {
  if (!ending_ && !end_soon_.linked()) shard_.reactor().defer(end_soon_);
}

void Session::nexus_quiet() {
  nexus_ = nullptr;
  shard_.reap_soon(*this);
}

void Session::logical_units_changed() {
  if (!report_.armed()) report_.arm(shard_.reactor().timers(), shard_.reactor().now() + kChangesAtOnce);
}

void Session::report_changes() {
  const Target* const target = shard_.settings()->find_target(identity.target);
  if (ending_ || target == nullptr || !target->report_changes) return;
  const auto live =
      std::find_if(connections_.begin(), connections_.end(), [](Connection* each) { return each->live(); });
  if (live != connections_.end()) (*live)->report_logical_units_changed();
}

SessionInfo Session::info() const {
  SessionInfo info;
  info.id = id;
  info.initiator = identity.initiator;
  info.alias = identity.initiator_alias;
  info.target = identity.target;
  info.isid = isid_text(identity.isid);
  info.tsih = tsih;
  info.portal_group = identity.portal_group;
  info.discovery = identity.discovery;
  info.authentication = identity.authentication;
  info.keys = (connections_.empty() ? parameters : connections_.front()->parameters()).listing(identity.discovery);
  info.commands = commands;
  info.read_bytes = read_bytes;
  info.write_bytes = write_bytes;
  info.in_flight = tasks.size();
  for (const Connection* const each : connections_) {
    if (!each->suspended()) info.connections.push_back(each->info());
  }
  if (nexus_ != nullptr) info.statistics = nexus_->statistics();
  return info;
}

}  // namespace iscsi
