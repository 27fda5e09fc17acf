// Connections, sessions and settings as the control reactor keeps them.
#include "fabrics/iscsi/fabric_control.h"

#include <algorithm>
#include <set>
#include <utility>

#include "fabrics/iscsi/fabric_rounds.h"
#include "fabrics/iscsi/names.h"
#include "hal/port/address_text.h"

namespace iscsi {
namespace {

constexpr base::Duration kChangeLimit = std::chrono::seconds(30);

}  // namespace

FabricControl::FabricControl(std::vector<scsi::TaskRouter*> routers, hal::Datamover& datamover, hal::Reactor& control,
                             std::vector<hal::Reactor*> data)
    : control_(control), datamover_(datamover), portals_(datamover, control, *this) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto index = static_cast<std::uint32_t>(i);
    places_.push_back({.reactor = data[i], .shard = std::make_unique<Shard>(index, *data[i], *routers[i], *this)});
  }
}

FabricControl::~FabricControl() { portals_.close(); }

void FabricControl::post(std::uint32_t shard, std::function<void(Shard&)> function) {
  Shard& receiver = *places_[shard].shard;
  places_[shard].reactor->post_function([&receiver, run = std::move(function)] { run(receiver); });
}

void FabricControl::answer(scsi::Done done, base::Result<void> result) {
  control_.post_function([run = std::move(done), outcome = std::move(result)] { run(outcome); });
}

// --- service ---

// Names in lower case, relative port identifiers given out.
base::Result<FabricConfig> FabricControl::resolve(FabricConfig config) const {
  TRY(config.validate());
  std::set<std::uint16_t> taken;
  for (Target& target : config.targets) {
    target.name = *normalized_name(target.name);
    target.relative_port_ids.resize(target.portal_groups.size());
    const auto old = std::find_if(config_.targets.begin(), config_.targets.end(),
                                  [&](const Target& each) { return each.name == target.name; });
    for (std::size_t i = 0; i < target.portal_groups.size() && old != config_.targets.end(); ++i) {
      if (target.relative_port_ids[i] == 0 && Settings::offers(*old, target.portal_groups[i])) {
        target.relative_port_ids[i] = Settings::port_identity(*old, target.portal_groups[i]).relative_id;
      }
    }
    for (const std::uint16_t id : target.relative_port_ids) {
      if (id != 0 && !taken.insert(id).second) {
        return base::fail(base::Errc::kExists, "relative port identifier " + std::to_string(id) + " is in use");
      }
    }
  }
  std::uint16_t next = 1;
  for (Target& target : config.targets) {
    for (std::uint16_t& id : target.relative_port_ids) {
      while (id == 0 && !taken.insert(next).second) {
        if (++next == 0) return base::fail(base::Errc::kNoSpace, "there are no relative port identifiers left");
      }
      if (id == 0) id = next;
    }
  }
  return config;
}

void FabricControl::apply(FabricConfig config, scsi::Done done) {
  base::Result<FabricConfig> resolved = resolve(std::move(config));
  base::Result<void> opened;
  if (resolved) opened = portals_.change(resolved->portals);
  if (!resolved || !opened) {
    answer(std::move(done),
           base::Result<void>(tl::unexpected<base::Error>(resolved ? opened.error() : resolved.error())));
    return;
  }
  const std::vector<Portal> open = portals_.opened();
  rates_.forget();
  std::vector<std::unique_ptr<Settings>> copies;
  for (std::size_t i = 0; i < places_.size(); ++i) copies.push_back(std::make_unique<Settings>(*resolved, open));
  config_ = std::move(*resolved);
  for (Target& target : config_.targets) wipe(target.authentication);
  wipe(config_.discovery);
  stopping_ = false;
  on_every_shard<std::unique_ptr<Settings>>(
      kChangeLimit, "to take the new settings and end the sessions that they do not allow", std::move(copies),
      [](Shard& shard, auto& copy, PartDone part_done) {
        shard.apply(SettingsRef(std::move(copy)), std::move(part_done));
      },
      [done = std::move(done)](base::Result<void> result, auto&) { done(std::move(result)); });
  for (const Target& target : config_.targets) {
    if (target.max_commands != 0) shared(target.name, directory_.sessions_of(target.name));
  }
}

std::vector<scsi::TargetPortIdentity> FabricControl::target_ports() const {
  std::vector<scsi::TargetPortIdentity> ports;
  for (const Target& target : config_.targets) {
    for (const std::uint16_t group : target.portal_groups) ports.push_back(Settings::port_identity(target, group));
  }
  return ports;
}

void FabricControl::list_sessions(std::function<void(std::vector<SessionInfo>)> done) {
  using List = std::vector<SessionInfo>;
  on_every_shard<List>(
      kChangeLimit, "to list their sessions", std::vector<List>(places_.size()),
      [](Shard& shard, List& list, const PartDone& part_done) {
        list = shard.sessions();
        part_done();
      },
      [done = std::move(done)](const base::Result<void>& result, std::vector<List>& lists) {
        List all;
        for (List& list : lists) {
          if (result) all.insert(all.end(), list.begin(), list.end());
        }
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        done(std::move(all));
      });
}

void FabricControl::list_events(std::function<void(std::vector<EventInfo>)> done) {
  using List = std::vector<EventInfo>;
  on_every_shard<List>(
      kChangeLimit, "to list their events", std::vector<List>(places_.size()),
      [](Shard& shard, List& list, const PartDone& part_done) {
        list = shard.events();
        part_done();
      },
      [done = std::move(done)](const base::Result<void>& result, std::vector<List>& lists) {
        List all;
        for (List& list : lists) {
          if (result) all.insert(all.end(), list.begin(), list.end());
        }
        std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.age > b.age; });
        done(std::move(all));
      });
}

void FabricControl::counters(std::function<void(FabricCounters)> done) {
  on_every_shard<FabricCounters>(
      kChangeLimit, "to count", std::vector<FabricCounters>(places_.size()),
      [](Shard& shard, FabricCounters& part, const PartDone& part_done) {
        part = shard.counted();
        part_done();
      },
      [this, done = std::move(done)](const base::Result<void>& result, std::vector<FabricCounters>& parts) {
        FabricCounters sum;
        sum.connections_refused = refused_;
        for (const FabricCounters& part : parts) {
          if (result) sum += part;
        }
        done(sum);
      });
}

// False: there is no such session, and `done` is told.
bool FabricControl::find_session(std::uint64_t id, std::uint32_t& where, scsi::Done& done) {
  if (directory_.find(id, where)) return true;
  answer(std::move(done), base::fail(base::Errc::kNotFound, "there is no session " + std::to_string(id)));
  return false;
}

void FabricControl::logout_session(std::uint64_t id, base::Duration grace, scsi::Done done) {
  std::uint32_t where = 0;
  if (!find_session(id, where, done)) return;
  on_every_shard<char>(
      grace + kChangeLimit, "to end a session", std::vector<char>(places_.size()),
      [id, where, grace](Shard& shard, char&, const PartDone& part_done) {
        if (shard.index() != where || !shard.logout(id, grace, part_done)) part_done();
      },
      [done = std::move(done)](base::Result<void> result, auto&) { done(std::move(result)); });
}

void FabricControl::ask_to_negotiate(std::uint64_t id, base::Duration limit, scsi::Done done) {
  std::uint32_t where = 0;
  if (!find_session(id, where, done)) return;
  on_every_shard<char>(
      kChangeLimit, "to ask a session to negotiate", std::vector<char>(places_.size()),
      [id, where, limit](Shard& shard, char& asked, const PartDone& part_done) {
        asked = shard.index() == where && shard.ask_to_negotiate(id, limit) ? 1 : 0;
        part_done();
      },
      [id, done = std::move(done)](base::Result<void> result, std::vector<char>& asked) {
        if (result && std::find(asked.begin(), asked.end(), 1) == asked.end()) {
          result = base::fail(base::Errc::kInvalid, "session " + std::to_string(id) + " has nothing to negotiate");
        }
        done(std::move(result));
      });
}

void FabricControl::stop(base::Duration grace, scsi::Done done) {
  stopping_ = true;
  portals_.close();
  if (verifier_ != nullptr) verifier_->give_up();
  on_every_shard<char>(
      grace + kChangeLimit, "to end their sessions", std::vector<char>(places_.size()),
      [grace](Shard& shard, char&, PartDone part_done) {
        shard.drop_logins();
        shard.logout(0, grace, std::move(part_done));
      },
      [done = std::move(done)](base::Result<void> result, auto&) { done(std::move(result)); });
}

// --- connections ---

bool FabricControl::may_accept(const std::string& host, const Portal& portal) {
  const char* const why = stopping_ ? "shutting down" : admission_.refusal(config_.limits, host, portal);
  if (why == nullptr) return true;
  ++refused_;
  if (log_budget_.allow(control_.now())) {
    kLog.warn("{}: connection refused: {} ({} lines suppressed)", host, why, log_budget_.suppressed());
  }
  return false;
}

void FabricControl::accepted(const Portal& portal, std::unique_ptr<hal::PendingConnection> connection) {
  const std::string host(hal::host_of(connection->peer_address()));
  if (!may_accept(host, portal)) return;
  admission_.arrived(next_connection_, host, portal);
  const auto least = std::min_element(places_.begin(), places_.end(),
                                      [](const Place& a, const Place& b) { return a.connections < b.connections; });
  ++least->connections;
  post(static_cast<std::uint32_t>(least - places_.begin()),
       [id = next_connection_++, portal_group = portal.tag, raw = connection.release()](Shard& shard) {
         shard.connection_arrived(id, portal_group, std::unique_ptr<hal::PendingConnection>(raw));
       });
}

void FabricControl::login_over(const std::string& peer) {
  control_.post_function([this, host = std::string(hal::host_of(peer))] { admission_.login_over(host); });
}

void FabricControl::connection_moves(std::unique_ptr<MovingConnection> connection) {
  control_.post_function([this, raw = connection.release()] { forward(std::unique_ptr<MovingConnection>(raw)); });
}

// Where it was, it counts until it is reaped there.
void FabricControl::forward(std::unique_ptr<MovingConnection> connection) {
  if (stopping_) {
    admission_.login_over(std::string(hal::host_of(connection->socket->peer_address())));
    return;
  }
  admission_.moves(connection->id);
  ++places_[connection->shard].connections;
  const std::uint32_t to = connection->shard;
  post(to, [raw = connection.release()](Shard& shard) {
    const std::unique_ptr<MovingConnection> moving(raw);
    shard.connection_joins(std::move(*moving));
  });
}

void FabricControl::connection_gone(std::uint32_t shard, std::uint64_t id) {
  control_.post_function([this, shard, id] {
    admission_.gone(id);
    --places_[shard].connections;
  });
}

// --- sessions ---

void FabricControl::session_requested(SessionRequest request) {
  control_.post_function([this, request = std::move(request)] {
    if (stopping_) return grant(request, {.status = LoginStatus::kServiceUnavailable});
    const SessionLimits& limits = request.limits;
    const bool in_time = rates_.allow("p" + limits.portal, limits.portal_rate, control_.now()) &&
                         rates_.allow("t" + request.identity.target, limits.target_rate, control_.now());
    if (!in_time) return grant(request, {.status = LoginStatus::kOutOfResources});
    directory_.request(request);
  });
}

void FabricControl::proof_given(ProofGiven proof) {
  control_.post_function([this, proof = std::move(proof)]() mutable { judge(std::move(proof)); });
}

void FabricControl::judge(ProofGiven proof) {
  const auto answer = [this, shard = proof.shard, connection = proof.connection](ChapVerdict verdict) {
    post(shard, [connection, verdict](Shard& place) { place.proof_judged(connection, verdict); });
  };
  if (verifier_ == nullptr || stopping_) return answer(ChapVerdict::kUnknown);
  verifier_->verify(std::move(proof.proof), answer);
}

void FabricControl::session_gone(std::uint64_t session) {
  control_.post_function([this, session] { directory_.session_gone(session); });
}

void FabricControl::target_cold_reset(const std::string& target) {
  control_.post_function([this, target] {
    for (std::uint32_t i = 0; i < places_.size(); ++i) {
      post(i, [target](Shard& shard) { shard.end_target(target); });
    }
  });
}

void FabricControl::grant(const SessionRequest& request, const SessionGrant& grant) {
  post(request.shard,
       [connection = request.connection, grant](Shard& shard) { shard.session_granted(connection, grant); });
}

// All reactors of a target whose sessions share its commands.
void FabricControl::shared(const std::string& name, std::uint32_t sessions) {
  const auto target = std::find_if(config_.targets.begin(), config_.targets.end(),
                                   [&](const Target& each) { return each.name == name; });
  if (target == config_.targets.end() || target->max_commands == 0) return;
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    post(i, [name, sessions](Shard& shard) { shard.target_is_shared(name, sessions); });
  }
}

void FabricControl::end(std::uint32_t shard, std::uint64_t session) {
  post(shard, [session](Shard& receiver) { receiver.end_session(session); });
}

}  // namespace iscsi
