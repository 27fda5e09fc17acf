// A session's beginning and end.
#include "fabrics/iscsi/session.h"

#include <algorithm>

#include "base/check.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

Session::Session(Shard& shard, std::uint64_t session_id, std::uint16_t session_handle, const LoginIdentity& who,
                 const Parameters& negotiated)
    : id(session_id), tsih(session_handle), identity(who), parameters(negotiated), shard_(shard) {}

Session::~Session() {
  CHECK(nexus_ == nullptr && connection_ == nullptr && management.empty());
  shard_.tasks().unreserve(promised_);
  if (port_ != nullptr) --port_->sessions;
  if (end_soon_.linked()) end_soon_.unlink();
}

bool Session::open(TargetPort* port, std::uint32_t cmd_sn, std::uint16_t slots, Connection& leading) {
  if (port != nullptr) {
    promised_ = shard_.tasks().reserve(slots + std::size_t{kMaxImmediate}, 1 + kMaxImmediate);
    if (promised_ == 0) return false;
    slots = static_cast<std::uint16_t>(promised_ - kMaxImmediate);
  }
  window.start(cmd_sn, slots);
  connection_ = &leading;
  port_ = port;
  if (port == nullptr) return true;
  ++port->sessions;
  nexus_ = &shard_.router().nexus_established(*port, initiator_port(identity.initiator, identity.isid), this);
  return true;
}

void Session::end() {
  if (ending_) return;
  ending_ = true;
  shard_.note(PortEvent::kSessionEnded, identity.initiator, id);
  if (connection_ != nullptr) connection_->session_ending();
  if (nexus_ != nullptr) {
    shard_.router().nexus_lost(*nexus_);
  } else {
    shard_.reap_soon(*this);
  }
}

void Session::end_soon() {
  if (!ending_ && !end_soon_.linked()) shard_.reactor().defer(end_soon_);
}

void Session::nexus_quiet() {
  nexus_ = nullptr;
  shard_.reap_soon(*this);
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
  info.keys = parameters.listing(identity.discovery);
  info.commands = commands;
  info.read_bytes = read_bytes;
  info.write_bytes = write_bytes;
  if (connection_ != nullptr) {
    info.connections.push_back(connection_->info());
    info.in_flight = connection_->tasks_in_flight();
  }
  return info;
}

}  // namespace iscsi
