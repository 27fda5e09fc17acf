// All sessions come to rest and are described; those of another process are taken in.
#include <algorithm>
#include <memory>

#include "fabrics/iscsi/fabric_rounds.h"
#include "hal/port/address_text.h"

namespace iscsi {
namespace {

constexpr base::Duration kMoreTime = std::chrono::seconds(5);  // than the shards themselves take

base::Result<void> first_failure(base::Result<void> round, std::vector<base::Result<void>>& parts) {
  for (base::Result<void>& part : parts) {
    if (round && !part) round = std::move(part);
  }
  return round;
}

struct ShardState {
  base::Result<void> result;
  std::vector<SessionState> sessions;
};

}  // namespace

// Two rounds: commands of sessions that are not at rest yet may still establish unit attentions for those that are.
void FabricControl::freeze(base::Duration limit, bool force, std::function<void(base::Result<FabricState>)> done) {
  using Part = base::Result<void>;
  portals_.pause(true);
  on_every_shard<Part>(
      limit + kMoreTime, "to bring their sessions to rest", std::vector<Part>(places_.size()),
      [limit, force](Shard& shard, Part& part, const PartDone& part_done) {
        shard.freeze(limit, force, [&part, part_done](base::Result<void> result) {
          part = std::move(result);
          part_done();
        });
      },
      [this, done = std::move(done)](const base::Result<void>& round, std::vector<Part>& parts) {
        if (auto result = first_failure(round, parts); !result) {
          thaw();
          return done(tl::unexpected<base::Error>(result.error()));
        }
        gather(done);
      });
}

void FabricControl::gather(std::function<void(base::Result<FabricState>)> done) {
  on_every_shard<ShardState>(
      kMoreTime, "to describe their sessions", std::vector<ShardState>(places_.size()),
      [](Shard& shard, ShardState& part, const PartDone& part_done) {
        part.result = shard.hand_over(part.sessions);
        part_done();
      },
      [this, done = std::move(done)](base::Result<void> result, std::vector<ShardState>& parts) {
        FabricState state;
        for (ShardState& part : parts) {
          if (result && !part.result) result = part.result;
          if (!result) continue;
          for (SessionState& each : part.sessions) state.sessions.push_back(std::move(each));
        }
        if (!result) {
          thaw();
          return done(tl::unexpected<base::Error>(result.error()));
        }
        complete(state);
        done(std::move(state));
      });
}

void FabricControl::complete(FabricState& state) const {
  std::ranges::sort(state.sessions, {}, &SessionState::id);
  for (SessionState& session : state.sessions) {
    session.portal = directory_.portal_of(session.id);
    for (ConnectionState& each : session.connections) each.portal = admission_.portal_of(each.id);
  }
  state.next_session = directory_.next_id();
  state.next_tsih = directory_.next_tsih();
  state.next_connection = next_connection_;
}

void FabricControl::thaw() {
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    post(i, [](Shard& shard) { shard.thaw(); });
  }
  portals_.pause(false);
}

void FabricControl::adopt_listeners(std::vector<FabricListener> listeners) {
  portals_.pause(true);
  for (FabricListener& each : listeners) datamover_.adopt_listener(std::move(each.address), std::move(each.socket));
}

// Each session whole on one reactor, the next on the next.
void FabricControl::restore(FabricState state, scsi::Done done) {
  using Part = std::vector<ArrivingSession>;
  std::vector<Part> parts(places_.size());
  directory_.go_on(state.next_session, state.next_tsih);
  next_connection_ = state.next_connection;
  for (std::size_t i = 0; i < state.sessions.size(); ++i) {
    const auto shard = static_cast<std::uint32_t>(i % places_.size());
    ArrivingSession arriving{.state = std::move(state.sessions[i]), .sockets = {}};
    directory_.restore(arriving.state, shard);
    for (ConnectionState& each : arriving.state.connections) {
      const std::string host(hal::host_of(each.peer));
      Portal portal;
      portal.address = each.portal;
      admission_.arrived(each.id, host, portal);
      admission_.login_over(host);
      ++places_[shard].connections;
      arriving.sockets.push_back(datamover_.adopt_connection(std::move(each.socket), each.local, each.peer));
    }
    parts[shard].push_back(std::move(arriving));
  }
  on_every_shard<Part>(
      kMoreTime, "to take in the sessions that were handed over", std::move(parts),
      [](Shard& shard, Part& part, const PartDone& part_done) {
        for (ArrivingSession& each : part) shard.restore(std::move(each));
        part_done();
      },
      [done = std::move(done)](base::Result<void> result, auto&) { done(std::move(result)); });
}

}  // namespace iscsi
