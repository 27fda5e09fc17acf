// Everything of the fabric that lives on one reactor: its connections, sessions, target ports, tasks, settings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "base/log_budget.h"
#include "fabrics/iscsi/chap.h"
#include "fabrics/iscsi/events.h"
#include "fabrics/iscsi/handover.h"
#include "fabrics/iscsi/recovery.h"
#include "fabrics/iscsi/service.h"
#include "fabrics/iscsi/session.h"
#include "fabrics/iscsi/settings.h"
#include "fabrics/iscsi/target_port.h"
#include "fabrics/iscsi/task_pool.h"
#include "hal/reactor.h"

namespace iscsi {

class Connection;

inline constexpr base::Logger kLog{"iscsi"};

// A login that wants its session, on its way to the control reactor.
struct SessionRequest {
  std::uint32_t shard = 0;
  std::uint64_t connection = 0;
  LoginIdentity identity;
  SessionLimits limits;
};

// A response to a challenge that others have to judge, likewise.
struct ProofGiven {
  std::uint32_t shard = 0;
  std::uint64_t connection = 0;
  ChapProof proof;
};

// The control reactor's word on it.
struct SessionGrant {
  LoginStatus status = LoginStatus::kSuccess;
  std::uint64_t session = 0;
  std::uint16_t tsih = 0;
  bool joins = false;       // it exists already,
  std::uint32_t shard = 0;  // ... here
};

// A connection that has logged in on one reactor, on its way to the one where its session lives.
struct MovingConnection {
  std::uint32_t shard = 0;
  std::uint64_t id = 0;
  std::uint16_t portal_group = 0;
  std::uint64_t session = 0;
  std::unique_ptr<hal::PendingConnection> socket;
  LoginResult login;
};

// A session that another process has handed over, on its way to its reactor. Its connections in the same order.
struct ArrivingSession {
  SessionState state;
  std::vector<std::unique_ptr<hal::PendingConnection>> sockets;
};

// The control reactor as shards see it. Any thread; nothing is answered from inside.
class ControlLink {
 public:
  virtual ~ControlLink() = default;
  virtual void session_requested(SessionRequest request) = 0;  // -> Shard::session_granted
  virtual void session_gone(std::uint64_t session) = 0;
  virtual void proof_given(ProofGiven proof) = 0;        // -> Shard::proof_judged
  virtual void login_over(const std::string& peer) = 0;  // one connection fewer in login
  virtual void connection_gone(std::uint32_t shard, std::uint64_t id) = 0;
  virtual void connection_moves(std::unique_ptr<MovingConnection> connection) = 0;  // -> Shard::connection_joins
  virtual void target_cold_reset(const std::string& target) = 0;
};

// Own thread only.
class Shard {
 public:
  static constexpr std::size_t kMaxTasks = 262144;

  Shard(std::uint32_t index, hal::Reactor& reactor, scsi::TaskRouter& router, ControlLink& control);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // --- from the control reactor, by message ---
  void connection_arrived(std::uint64_t id, std::uint16_t portal_group,
                          std::unique_ptr<hal::PendingConnection> pending);
  void connection_joins(MovingConnection moving);
  void session_granted(std::uint64_t connection, const SessionGrant& grant);
  void proof_judged(std::uint64_t connection, ChapVerdict verdict);
  void end_session(std::uint64_t session);
  void target_is_shared(const std::string& target, std::uint32_t sessions);  // by so many, on all reactors
  void end_target(const std::string& target);
  // Ends the sessions that the new settings do not allow; `done` when they are gone.
  void apply(SettingsRef settings, std::function<void()> done);
  // Asks one session (0: all) to log out and ends it after `grace`; `done` when gone. False: there is no such session.
  bool logout(std::uint64_t session, base::Duration grace, std::function<void()> done);
  bool ask_to_negotiate(std::uint64_t session, base::Duration limit);  // false: no such normal session
  // Upgrade in place (shard_handover.cc). `done` when all sessions are frozen, or with the reason why not; then none is
  // thawed.
  void freeze(base::Duration limit, bool force, std::function<void(base::Result<void>)> done);
  void thaw();
  base::Result<void> hand_over(std::vector<SessionState>& out) const;  // while frozen
  void restore(ArrivingSession arriving);                              // a session, frozen
  void drop_logins();                                                  // connections that have not logged in yet
  std::vector<SessionInfo> sessions() const;
  std::vector<EventInfo> events() const;  // oldest first

  // --- for connections and sessions ---
  hal::Reactor& reactor() { return reactor_; }
  scsi::TaskRouter& router() { return router_; }
  TaskPool& tasks() { return tasks_; }
  ControlLink& control() { return control_; }
  const SettingsRef& settings() const { return settings_; }
  const Limits& limits() const { return settings_->config().limits; }
  FabricCounters& counters() { return counters_; }
  FabricCounters counted() const;  // with what is counted elsewhere
  RecoveryMemory& recovery_memory() { return recovery_memory_; }
  base::LogBudget& log_budget() { return log_budget_; }
  void note(PortEvent event, std::string_view subject, std::uint64_t detail = 0) {
    events_.add(reactor_.now(), event, subject, detail);
  }
  std::uint32_t index() const { return index_; }
  // How many commands each session of this target may have in flight.
  std::uint16_t window_share(const Target& target) const;
  // The port of a target in a portal group; null when the settings of the moment do not have it.
  TargetPort* port_of(const Target* target, std::uint16_t portal_group);
  Session* session(std::uint64_t id) const;  // null when there is none of this number
  Session& add_session(std::unique_ptr<Session> session);
  // It may have become ready to be destroyed; looked at from the poll loop.
  void reap_soon(const Session& session);
  void reap_soon(const Connection& connection);

 private:
  struct Reaper : hal::Deferred {
    explicit Reaper(Shard& owner) : hal::Deferred(&Reaper::run), shard(owner) {}
    static void run(hal::Deferred& deferred) { static_cast<Reaper&>(deferred).shard.reap(); }
    Shard& shard;
  };
  struct Freeze {
    Freeze(Shard& owner, base::Time limit, bool drops, std::function<void(base::Result<void>)> told)
        : shard(owner), begin(owner.reactor_.now()), deadline(limit), force(drops), done(std::move(told)) {}
    static void look(void* context) { static_cast<Freeze*>(context)->shard.freeze_more(); }
    Shard& shard;
    base::Time begin, deadline;
    bool force;
    std::function<void(base::Result<void>)> done;
    hal::Timer timer{&Freeze::look, this};
  };
  void freeze_more();
  std::string busy_sessions() const;
  struct Wait {  // for sessions to be gone
    std::vector<std::uint64_t> sessions;
    std::function<void()> done;
  };
  void reap();
  void reap_session(std::uint64_t id);
  void finish_waits();
  void wake_reaper();
  void retire_ports();
  void limit_windows(const Target& target);
  bool still_there(const Session& session) const;
  bool still_allowed(const Session& session) const;
  void leave_portals(const Session& session, const Settings& before) const;

  const std::uint32_t index_;
  hal::Reactor& reactor_;
  scsi::TaskRouter& router_;
  ControlLink& control_;
  SettingsRef settings_;
  TaskPool tasks_{kMaxTasks};
  FabricCounters counters_;
  RecoveryMemory recovery_memory_;
  base::LogBudget log_budget_;
  PortEvents events_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string, std::unique_ptr<TargetPort>> ports_;  // by port name; made when first logged in to
  std::vector<std::unique_ptr<TargetPort>> retired_ports_;  // out of the settings; gone with their last session
  std::unordered_map<std::string, std::uint32_t> sharers_;  // sessions of the targets that have max_commands
  std::vector<std::uint64_t> dying_sessions_, dying_connections_;
  std::vector<Wait> waits_;
  bool frozen_ = false;             // or about to be: windows stay shut
  std::unique_ptr<Freeze> freeze_;  // while that lasts
  Reaper reaper_{*this};
};

}  // namespace iscsi
