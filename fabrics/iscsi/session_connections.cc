// The connections of a session: joining, leaving, and what concerns all of them (RFC 7143 4.2.1, 6.3.4).
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/session.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

Connection* Session::find(std::uint16_t cid) const {
  const auto at = std::find_if(connections_.begin(), connections_.end(), [cid](const Connection* each) {
    return each->cid() == cid && !each->free_to_reassign();
  });
  return at == connections_.end() ? nullptr : *at;
}

bool Session::outlives(const Connection& connection) const {
  return !joining_.empty() || std::any_of(connections_.begin(), connections_.end(), [&](const Connection* each) {
    return each != &connection && (each->live() || each->suspended());
  });
}

void Session::join(Connection& connection) {
  if (ending_) {
    connection.join_refused(LoginStatus::kSessionDoesNotExist, "the session is ending");
    return;
  }
  // A login that still waits to join under this CID is as good as gone.
  const auto rival = std::find_if(joining_.begin(), joining_.end(),
                                  [&](const Connection* each) { return each->cid() == connection.cid(); });
  if (rival != joining_.end()) {
    Connection& loser = **rival;
    joining_.erase(rival);
    loser.join_refused(LoginStatus::kCannotIncludeInSession, "another login has taken its CID");
  }
  Connection* const same = find(connection.cid());
  const auto live =
      std::count_if(connections_.begin(), connections_.end(), [](const auto* each) { return each->live(); });
  const bool replaces = same != nullptr && same->live();
  // RFC 7143 6.3.4: at level 2 one more is always let in, to clean up after another.
  const std::size_t most = parameters.max_connections + (parameters.error_recovery_level == 2 ? std::size_t{1} : 0);
  if (!replaces && static_cast<std::size_t>(live) + joining_.size() >= most) {
    connection.join_refused(LoginStatus::kTooManyConnections, "the session has as many connections as it may");
    return;
  }
  joining_.push_back(&connection);
  if (same != nullptr && parameters.error_recovery_level == 2) {
    same->log_out_for_recovery();
  } else if (same != nullptr) {
    same->leave_unannounced();
  }
  admit();
}

// Those whose CID is free by now.
void Session::admit() {
  const auto free = [this](const Connection* each) { return find(each->cid()) == nullptr; };
  for (;;) {
    const auto at = std::find_if(joining_.begin(), joining_.end(), free);
    if (ending_ || at == joining_.end()) break;
    Connection& next = **at;
    joining_.erase(at);
    next.joined();
  }
  let_idle_go();
}

void Session::detach(Connection& connection) {
  std::erase(connections_, &connection);
  for (Connection* const each : connections_) each->forget(connection);
  if (ending_) return;
  tell_window();  // the initiator learns by it which of its requests have come
  fence_passed();
  admit();
}

void Session::let_oldest_go() {
  const auto waits = [](const Connection* each) { return each->suspended(); };
  if (std::count_if(connections_.begin(), connections_.end(), waits) <= kMaxSessionConnections) return;
  (*std::find_if(connections_.begin(), connections_.end(), waits))->let_go_soon();
}

// The state of the session's last connection is the session's: it stays for its time (RFC 7143 11.15.4).
void Session::let_idle_go() {
  const bool live = std::any_of(connections_.begin(), connections_.end(), [](auto* each) { return each->live(); });
  if (ending_ || !live) return;
  for (std::size_t i = 0; i < connections_.size();) {
    Connection& idle = *connections_[i];
    if (!idle.free_to_reassign() || idle.owes_anything()) {
      ++i;
      continue;
    }
    connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i));
    for (Connection* const each : connections_) each->forget(idle);
    idle.let_go();
  }
}

void Session::release_connections() {
  for (Connection* const each : std::exchange(connections_, {})) each->session_quiet();
}

void Session::tell_window() {
  const auto at = std::find_if(connections_.begin(), connections_.end(), [](const auto* each) { return each->live(); });
  if (at != connections_.end()) (*at)->send_window();
}

void Session::limit_window(std::uint16_t slots) {
  if (promised_ == 0) return;
  const auto most = static_cast<std::uint16_t>(promised_ - kMaxImmediate);  // tasks there are
  if (window.resize(std::min(slots, most))) tell_window();
}

void Session::report_drop(const Connection& connection, bool tasks_wait) {
  const auto at = std::find_if(connections_.begin(), connections_.end(),
                               [&](const auto* each) { return each != &connection && each->live(); });
  if (at != connections_.end()) (*at)->report_drop(connection.cid(), tasks_wait);
}

void Session::run_held() {
  HeldRequest next;
  while (!ending_ && held.take(window.expected(), next)) {
    if (next.task != nullptr) {
      next.task->connection->start(*next.task);
    } else if (next.pdu) {
      next.connection->serve(next.pdu->view());
      // Rejected: its number has not come (RFC 7143 7.3), so the gap is open again.
    } else {
      window.receive();
      window.release();
    }
  }
  if (!ending_) run_waiting_management();
}

}  // namespace iscsi
