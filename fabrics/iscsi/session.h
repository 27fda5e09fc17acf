// A session (RFC 7143 4.4): an I_T nexus with its command window. Lives on one reactor with its connections.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "fabrics/iscsi/command_window.h"
#include "fabrics/iscsi/handover.h"
#include "fabrics/iscsi/held_requests.h"
#include "fabrics/iscsi/login.h"
#include "fabrics/iscsi/management.h"
#include "fabrics/iscsi/parameters.h"
#include "fabrics/iscsi/service.h"
#include "fabrics/iscsi/task_table.h"
#include "scsi_core/port.h"

namespace iscsi {

class Connection;
class Shard;
class TargetPort;

// Created when its leading login succeeds; ends once, by whatever comes first; gone when the core has let go of the
// nexus and no connection is attached.
//
// Numbers and requests that belong to the session (CmdSN, tasks by tag, task management, the nexus) are here; what
// belongs to a connection (StatSN, digests, texts) is there. A connection that ends while others stay takes its tasks
// with it and is detached when the core has let go of them.
//
// Cut by theme: session.cc (begin, end), session_connections.cc, session_management.cc (task management),
// session_handover.cc (upgrade in place).
class Session {
 public:
  static constexpr std::uint32_t kMaxImmediate = 8;  // immediate commands and task management requests in hand

  Session(Shard& shard, std::uint64_t id, std::uint16_t tsih, const LoginIdentity& identity,
          const Parameters& parameters);
  ~Session();
  // Promises of tasks and the I_T nexus. `port` is null for discovery sessions. The window begins with `share`, as of
  // limit_window().
  bool open(TargetPort* port, std::uint32_t cmd_sn, std::uint16_t window, std::uint16_t share);
  // Ends the session: its own tasks at once, the core's when the core says so. The connections are told when the nexus
  // is quiet. Safe to call again, and from inside a call by the core (end_soon).
  void end();
  void end_soon();
  void drop();                                // likewise; the initiator, which has not asked for it, is told
  void drop_connections();                    // ... that each of its connections is dropped
  void request_logout(base::Duration grace);  // of all of it; dropped afterwards
  bool asked_to_log_out() const;              // on every connection
  void ask_to_negotiate(base::Duration limit);
  // --- upgrade in place: session_handover.cc ---
  void shut_window() { window.resize(0); }
  // Nothing of it is in hand, here or on its way: true, and it hears nothing any more until thaw(). Safe to call again.
  bool freeze();
  void thaw();
  bool frozen() const { return frozen_; }
  base::Result<SessionState> hand_over() const;
  // Instead of open().
  bool restore(TargetPort* port, const SessionState& state, std::uint16_t window);

  void nexus_quiet();
  void logical_units_changed();  // that its initiator sees: told in a moment, once for all changes until then
  bool ending() const { return ending_; }
  bool quiet() const { return ending_ && nexus_ == nullptr; }

  SessionInfo info() const;

  // --- connections ---
  void attach(Connection& connection) { connections_.push_back(&connection); }
  void detach(Connection& connection);
  // A login that wants to join. Answered by Connection::joined or join_refused, perhaps later: a connection with the
  // same CID is logged out first (RFC 7143 6.3.4).
  void join(Connection& connection);
  void give_up_joining(Connection& connection) { std::erase(joining_, &connection); }
  Connection* find(std::uint16_t cid) const;
  bool outlives(const Connection& connection) const;  // others are alive, about to join, or wait to be replaced
  void retry_joining() { admit(); }                   // a CID has become free
  void let_oldest_go();                               // of connections whose tasks wait, when there are too many
  void let_idle_go();                                 // ... and those that nothing waits at any more
  const std::vector<Connection*>& connections() const { return connections_; }
  void release_connections();  // the nexus is quiet
  void tell_window();          // by any connection
  // From now on at most so many commands are let in, as far as they were not promised before.
  void limit_window(std::uint16_t slots);
  void report_drop(const Connection& connection, bool tasks_wait);  // by another one

  // --- requests over all connections ---
  void run_held();  // what waited for the request that has just come
  void execute(ManagementRequest& request);
  void management_executed(ManagementRequest& request, ManagementAnswer answer);
  void abort(Task& task);                        // of a connection that is gone: nobody is told
  void forget_requests(Connection& connection);  // nobody is there to be answered
  void fence_passed();                           // a connection has acknowledged, or is gone

  const std::uint64_t id;
  const std::uint16_t tsih;
  const LoginIdentity identity;
  const Parameters parameters;  // of the leading login
  CommandWindow window;
  TaskTable tasks;
  HeldRequests held;
  ManagementRequests management;
  std::uint32_t immediate_in_hand = 0;
  std::uint64_t commands = 0, read_bytes = 0, write_bytes = 0;

  scsi::Nexus* nexus() const { return nexus_; }
  TargetPort* port() const { return port_; }

 private:
  struct EndSoon : hal::Deferred {
    explicit EndSoon(Session& owner) : hal::Deferred(&EndSoon::run), session(owner) {}
    static void run(hal::Deferred& deferred) { static_cast<EndSoon&>(deferred).session.end(); }
    Session& session;
  };

  void enter(TargetPort& port);  // the I_T nexus begins
  bool at_rest() const;
  void report_changes();
  void admit();
  bool abort_task(ManagementRequest& request);
  void abort_own_tasks(const ManagementRequest& request);
  void run_waiting_management();
  bool raise_fence(const ManagementRequest& request);
  void retire(ManagementRequest& request, ManagementAnswer answer);

  Shard& shard_;
  TargetPort* port_ = nullptr;
  scsi::Nexus* nexus_ = nullptr;
  std::vector<Connection*> connections_;  // in the order of their logins
  std::vector<Connection*> joining_;      // wait for one with their CID to be gone
  std::size_t promised_ = 0;              // tasks of the pool
  bool ending_ = false;
  bool frozen_ = false;
  EndSoon end_soon_{*this};
  hal::Timer report_{[](void* self) { static_cast<Session*>(self)->report_changes(); }, this};
};

}  // namespace iscsi
