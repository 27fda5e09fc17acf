// One reactor's share of the fabric.
#include "fabrics/iscsi/shard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "fabrics/iscsi/connection.h"

namespace iscsi {
namespace {

constexpr base::Duration kTimeToLeave = std::chrono::seconds(2);  // when a target or portal goes away

}  // namespace

Shard::Shard(std::uint32_t index, hal::Reactor& reactor, scsi::TaskRouter& router, ControlLink& control)
    : index_(index), reactor_(reactor), router_(router), control_(control) {}

Shard::~Shard() {
  if (!connections_.empty() || !sessions_.empty()) {
    kLog.error("{} connections and {} sessions did not end in time", connections_.size(), sessions_.size());
    for (auto& [id, connection] : connections_) static_cast<void>(connection.release());  // the core still knows them
    for (auto& [id, session] : sessions_) static_cast<void>(session.release());
  }
  if (reaper_.linked()) reaper_.unlink();
}

void Shard::connection_arrived(std::uint64_t id, std::uint16_t portal_group,
                               std::unique_ptr<hal::PendingConnection> pending) {
  const std::string peer = pending->peer_address();
  auto datamover = pending->start(reactor_);
  if (!datamover) {
    kLog.warn("{}: {}", peer, datamover.error().text);
    control_.login_over(peer);
    control_.connection_gone(index_, id);
    return;
  }
  note(PortEvent::kConnected, peer, portal_group);
  connections_.emplace(id, std::make_unique<Connection>(*this, id, portal_group, std::move(*datamover)));
}

void Shard::connection_joins(MovingConnection moving) {
  const std::string peer = moving.socket->peer_address();
  auto datamover = moving.socket->start(reactor_);
  if (!datamover) {
    kLog.warn("{}: {}", peer, datamover.error().text);
    control_.login_over(peer);
    control_.connection_gone(index_, moving.id);
    return;
  }
  auto connection = std::make_unique<Connection>(*this, moving.id, moving.portal_group, std::move(*datamover),
                                                 std::move(moving.login));
  Connection& joining = *connections_.emplace(moving.id, std::move(connection)).first->second;
  joining.join(session(moving.session));
}

void Shard::session_granted(std::uint64_t connection, const SessionGrant& grant) {
  connections_.at(connection)->session_granted(grant);
}

void Shard::proof_judged(std::uint64_t connection, ChapVerdict verdict) {
  connections_.at(connection)->proof_judged(verdict);
}

Session* Shard::session(std::uint64_t id) const {
  const auto at = sessions_.find(id);
  return at == sessions_.end() ? nullptr : at->second.get();
}

Session& Shard::add_session(std::unique_ptr<Session> session) {
  Session& added = *session;
  sessions_.emplace(added.id, std::move(session));
  return added;
}

void Shard::end_session(std::uint64_t session) {
  const auto at = sessions_.find(session);
  if (at != sessions_.end()) at->second->end();
}

void Shard::end_target(const std::string& target) {
  for (const auto& [id, session] : sessions_) {
    if (session->identity.target == target) session->drop();
  }
}

// --- shares ---

// RFC 7143 4.2.2.1: a window that gets smaller takes back nothing that was promised; it opens later.
std::uint16_t Shard::window_share(const Target& target) const {
  if (target.max_commands == 0) return target.command_window;
  const auto at = sharers_.find(target.name);
  const std::uint32_t sessions = at == sharers_.end() ? 1 : std::max<std::uint32_t>(at->second, 1);
  return static_cast<std::uint16_t>(
      std::clamp<std::uint32_t>(target.max_commands / sessions, 1, target.command_window));
}

void Shard::target_is_shared(const std::string& target, std::uint32_t sessions) {
  sharers_[target] = sessions;
  if (sessions == 0) sharers_.erase(target);
  if (const Target* const known = settings_->find_target(target)) limit_windows(*known);
}

void Shard::limit_windows(const Target& target) {
  if (frozen_) return;
  const std::uint16_t share = window_share(target);
  for (const auto& [id, session] : sessions_) {
    if (session->identity.target == target.name && !session->ending()) session->limit_window(share);
  }
}

// --- settings ---

void Shard::apply(SettingsRef settings, std::function<void()> done) {
  const SettingsRef before = std::exchange(settings_, std::move(settings));
  retire_ports();
  Wait wait{.sessions = {}, .done = std::move(done)};
  for (const auto& [id, session] : sessions_) {
    const bool there = still_there(*session);
    if (there && still_allowed(*session)) {
      if (before) leave_portals(*session, *before);
      continue;
    }
    wait.sessions.push_back(id);
    if (there) {
      session->drop();
    } else {
      session->request_logout(kTimeToLeave);
    }
  }
  for (const auto& [id, connection] : connections_) connection->settings_changed();
  for (const Target& target : settings_->config().targets) {
    const Target* const old = before ? before->find_target(target.name) : nullptr;
    if (old != nullptr && old->max_commands != target.max_commands) limit_windows(target);
  }
  waits_.push_back(std::move(wait));
  wake_reaper();
}

bool Shard::still_there(const Session& session) const {
  if (session.identity.discovery) return true;
  const Target* const target = settings_->find_target(session.identity.target);
  return target != nullptr && Settings::offers(*target, session.identity.portal_group) &&
         Settings::port_identity(*target, session.identity.portal_group) == session.port()->identity();
}

bool Shard::still_allowed(const Session& session) const {
  if (session.identity.discovery) return true;
  const Target* const target = settings_->find_target(session.identity.target);
  return target != nullptr && Settings::permits(*target, session.identity.initiator, session.identity.peer);
}

// Connections whose portal has been closed are asked to go; nobody waits for it.
void Shard::leave_portals(const Session& session, const Settings& before) const {
  for (Connection* const each : session.connections()) {
    if (each->came_by_portal_of(before) && !each->came_by_portal_of(*settings_)) each->request_logout(kTimeToLeave);
  }
}

TargetPort* Shard::port_of(const Target* target, std::uint16_t portal_group) {
  if (target == nullptr || !Settings::offers(*target, portal_group)) return nullptr;
  auto& port = ports_[target_port_name(target->name, portal_group)];
  if (port == nullptr) {
    port = std::make_unique<TargetPort>(reactor_, Settings::port_identity(*target, portal_group));
  }
  return port.get();
}

// A port that is no longer in the settings, or is somebody else there, takes no new sessions.
void Shard::retire_ports() {
  for (auto at = ports_.begin(); at != ports_.end();) {
    const scsi::TargetPortIdentity& identity = at->second->identity();
    const Target* const target = settings_->find_target(identity.target_name);
    if (target != nullptr && Settings::offers(*target, identity.port_group) &&
        Settings::port_identity(*target, identity.port_group) == identity) {
      ++at;
      continue;
    }
    if (at->second->sessions != 0) retired_ports_.push_back(std::move(at->second));
    at = ports_.erase(at);
  }
}

// --- ends ---

bool Shard::logout(std::uint64_t session, base::Duration grace, std::function<void()> done) {
  Wait wait{.sessions = {}, .done = std::move(done)};
  for (const auto& [id, each] : sessions_) {
    if (session != 0 && session != id) continue;
    wait.sessions.push_back(id);
    each->request_logout(grace);
  }
  if (session != 0 && wait.sessions.empty()) return false;
  waits_.push_back(std::move(wait));
  wake_reaper();
  return true;
}

bool Shard::ask_to_negotiate(std::uint64_t session, base::Duration limit) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end() || at->second->identity.discovery) return false;
  at->second->ask_to_negotiate(limit);
  return true;
}

void Shard::drop_logins() {
  for (const auto& [id, connection] : connections_) {
    if (connection->in_login()) connection->close();
  }
}

FabricCounters Shard::counted() const {
  FabricCounters all = counters_;
  all.recovery_bytes = recovery_memory_.used();
  all.recovery_refusals = recovery_memory_.refusals();
  return all;
}

std::vector<SessionInfo> Shard::sessions() const {
  std::vector<SessionInfo> all;
  for (const auto& [id, session] : sessions_) all.push_back(session->info());
  return all;
}

std::vector<EventInfo> Shard::events() const {
  std::vector<EventInfo> list;
  std::uint64_t number = events_.overwritten();
  events_.for_each([&](const PortEvents::Entry& entry) {
    list.push_back({.age = reactor_.now() - entry.at,
                    .reactor = index_,
                    .event = name(entry.event),
                    .subject = base::escaped(entry.subject(), 4 * PortEvents::kSubject),
                    .detail = entry.detail,
                    .ring = fmt::format("iscsi/{}", index_),
                    .at = entry.at,
                    .number = ++number});
  });
  return list;
}

void Shard::wake_reaper() {
  if (!reaper_.linked()) reactor_.defer(reaper_);
}

void Shard::reap_soon(const Session& session) {
  dying_sessions_.push_back(session.id);
  wake_reaper();
}

void Shard::reap_soon(const Connection& connection) {
  dying_connections_.push_back(connection.id);
  wake_reaper();
}

void Shard::reap() {
  for (const std::uint64_t id : std::exchange(dying_sessions_, {})) reap_session(id);
  for (const std::uint64_t id : std::exchange(dying_connections_, {})) {
    const auto at = connections_.find(id);
    if (at == connections_.end() || !at->second->finished()) continue;
    control_.connection_gone(index_, id);
    connections_.erase(at);
  }
  finish_waits();
}

void Shard::reap_session(std::uint64_t id) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end() || !at->second->quiet()) return;
  at->second->release_connections();
  control_.session_gone(id);
  sessions_.erase(at);
  std::erase_if(retired_ports_, [](const auto& port) { return port->sessions == 0; });
}

void Shard::finish_waits() {
  for (std::size_t i = 0; i < waits_.size();) {
    Wait& wait = waits_[i];
    std::erase_if(wait.sessions, [this](std::uint64_t id) { return !sessions_.contains(id); });
    if (!wait.sessions.empty()) {
      ++i;
      continue;
    }
    const std::function<void()> done = std::move(wait.done);
    waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(i));
    done();
  }
}

}  // namespace iscsi
