// A session comes to rest, is described, and goes on: here again, or in another process.
#include <algorithm>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/session.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

bool Session::at_rest() const {
  return !ending_ && !end_soon_.linked() && !report_.armed() && joining_.empty() && management.empty() &&
         held.empty() && tasks.size() == 0 && immediate_in_hand == 0 && window.in_hand() == 0 &&
         !connections_.empty() && std::ranges::all_of(connections_, [](const auto* each) { return each->at_rest(); });
}

bool Session::freeze() {
  if (frozen_) return true;
  for (Connection* const each : connections_) each->ask_to_acknowledge();
  if (!at_rest()) return false;
  for (Connection* const each : connections_) each->freeze();
  return frozen_ = true;
}

// The initiator may wait for a PDU that tells that the window is open again.
void Session::thaw() {
  frozen_ = false;
  if (ending_) return;
  for (Connection* const each : connections_) each->thaw();
  const Target* const target = shard_.settings()->find_target(identity.target);
  if (target == nullptr || promised_ == 0) return;
  const auto most = static_cast<std::uint16_t>(promised_ - kMaxImmediate);
  window.resize(std::min(shard_.window_share(*target), most));
  tell_window();
}

base::Result<SessionState> Session::hand_over() const {
  if (!frozen_ || !at_rest()) {
    return base::fail(base::Errc::kBusy, "session " + std::to_string(id) + " is not at rest any more");
  }
  SessionState state;
  state.id = id;
  state.tsih = tsih;
  state.identity = identity;
  state.parameters = parameters;
  state.exp_cmd_sn = window.expected();
  state.max_cmd_sn = window.maximum();
  state.commands = commands;
  state.read_bytes = read_bytes;
  state.write_bytes = write_bytes;
  if (nexus_ != nullptr) shard_.router().nexus_handed_over(*nexus_, state.nexus);
  for (const Connection* const each : connections_) state.connections.push_back(TRY(each->hand_over()));
  return state;
}

// What was promised to the initiator is kept, even if there are fewer tasks than that now.
bool Session::restore(TargetPort* port, const SessionState& state, std::uint16_t slots) {
  frozen_ = true;
  commands = state.commands;
  read_bytes = state.read_bytes;
  write_bytes = state.write_bytes;
  if (port != nullptr) {
    promised_ = shard_.tasks().reserve(slots + std::size_t{kMaxImmediate}, slots + std::size_t{kMaxImmediate});
    if (promised_ == 0) return false;
  }
  window.restore(state.exp_cmd_sn, state.max_cmd_sn);
  port_ = port;
  if (port == nullptr) return true;
  enter(*port);
  shard_.router().nexus_taken_over(*nexus_, state.nexus);
  return true;
}

}  // namespace iscsi
