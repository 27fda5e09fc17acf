// One reactor's sessions come to rest, and those of another process arrive.
#include <fmt/format.h>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {
namespace {

constexpr base::Duration kLookAgain = std::chrono::milliseconds(1);
constexpr base::Duration kTimeToDrop = std::chrono::seconds(1);  // what is dropped may take so long to be gone
constexpr std::size_t kMostNamed = 4;                            // busy sessions in an error

}  // namespace

// RFC 7143 4.2.2.1: an initiator sends nothing beyond MaxCmdSN, which stays where it is from now on.
void Shard::freeze(base::Duration limit, bool force, std::function<void(base::Result<void>)> done) {
  frozen_ = true;
  freeze_ = std::make_unique<Freeze>(*this, reactor_.now() + limit, force, std::move(done));
  freeze_more();
}

void Shard::freeze_more() {
  bool all = true;
  for (const auto& [id, session] : sessions_) {
    if (!session->frozen()) session->shut_window();
    if (!session->freeze()) all = false;
  }
  for (const auto& [id, connection] : connections_) {
    if (connection->in_login()) all = false;
  }
  const base::Time now = reactor_.now();
  const auto finish = [this](base::Result<void> result) {
    const auto done = std::move(freeze_->done);
    freeze_.reset();
    done(std::move(result));
  };
  if (all) return finish({});
  if (now >= freeze_->begin + (freeze_->deadline - freeze_->begin) / 2) drop_logins();
  if (now >= freeze_->deadline) {
    if (!freeze_->force) return finish(base::fail(base::Errc::kTimeout, busy_sessions()));
    freeze_->force = false;
    freeze_->deadline = now + kTimeToDrop;
    for (const auto& [id, session] : sessions_) {
      if (!session->frozen()) session->drop();
    }
  }
  freeze_->timer.arm(reactor_.timers(), now + kLookAgain);
}

std::string Shard::busy_sessions() const {
  std::string text;
  std::size_t count = 0;
  for (const auto& [id, session] : sessions_) {
    if (session->frozen() || ++count > kMostNamed) continue;
    text += fmt::format("{}session {} of {} ({} commands in hand)", text.empty() ? "" : ", ", id,
                        base::escaped(session->identity.initiator), session->tasks.size());
  }
  if (count > kMostNamed) text += fmt::format(" and {} more", count - kMostNamed);
  return text.empty() ? "a login did not come to its end in time" : "not at rest in time: " + text;
}

void Shard::thaw() {
  frozen_ = false;
  freeze_.reset();
  for (const auto& [id, session] : sessions_) session->thaw();
}

base::Result<void> Shard::hand_over(std::vector<SessionState>& out) const {
  for (const auto& [id, session] : sessions_) {
    if (!session->ending()) out.push_back(TRY(session->hand_over()));
  }
  return {};
}

void Shard::restore(ArrivingSession arriving) {
  frozen_ = true;
  const SessionState& state = arriving.state;
  const Target* const target = state.identity.discovery ? nullptr : settings_->find_target(state.identity.target);
  TargetPort* const port = port_of(target, state.identity.portal_group);
  auto fresh = std::make_unique<Session>(*this, state.id, state.tsih, state.identity, state.parameters);
  const bool there = state.identity.discovery || port != nullptr;
  if (!there || !fresh->restore(port, state, target != nullptr ? target->command_window : std::uint16_t{0})) {
    kLog.error("session {} of {} cannot go on: {}", state.id, base::escaped(state.identity.initiator),
               there ? "too many commands are promised" : "its target is not there");
    for (const ConnectionState& each : state.connections) control_.connection_gone(index_, each.id);
    control_.session_gone(state.id);
    return;
  }
  Session& session = add_session(std::move(fresh));
  for (std::size_t i = 0; i < state.connections.size(); ++i) {
    auto datamover = arriving.sockets[i]->start(reactor_);
    if (!datamover) {
      kLog.error("{}: {}", state.connections[i].peer, datamover.error().text);
      control_.connection_gone(index_, state.connections[i].id);
      continue;
    }
    connections_.emplace(state.connections[i].id,
                         std::make_unique<Connection>(*this, session, state.connections[i], std::move(*datamover)));
  }
  if (session.connections().empty()) session.end();
}

}  // namespace iscsi
