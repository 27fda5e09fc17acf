// A session (RFC 7143 4.4): an I_T nexus with its command window. Lives on one reactor with its connections.
#pragma once

#include <cstdint>
#include <string>

#include "base/intrusive_list.h"
#include "fabrics/iscsi/command_window.h"
#include "fabrics/iscsi/held_requests.h"
#include "fabrics/iscsi/login.h"
#include "fabrics/iscsi/management.h"
#include "fabrics/iscsi/parameters.h"
#include "fabrics/iscsi/service.h"
#include "scsi_core/port.h"

namespace iscsi {

class Connection;
class Shard;
class TargetPort;

// Created when its leading login succeeds; ends once, by whatever comes first; gone when the core has let go of the
// nexus and no connection is attached.
//
// Today a session has one connection (MaxConnections=1, ErrorRecoveryLevel=0). Numbers and requests that belong to the
// session (CmdSN, task management, the nexus) are here; what belongs to a connection (StatSN, tasks by allegiance,
// texts) is there, so that more connections change no layout.
class Session {
 public:
  static constexpr std::uint32_t kMaxImmediate = 8;  // immediate commands and task management requests in hand

  Session(Shard& shard, std::uint64_t id, std::uint16_t tsih, const LoginIdentity& identity,
          const Parameters& parameters);
  ~Session();
  // Promises of tasks and the I_T nexus. `port` is null for discovery sessions.
  bool open(TargetPort* port, std::uint32_t cmd_sn, std::uint16_t window, Connection& leading);
  // Ends the session: its own tasks at once, the core's when the core says so. The connection is told when the nexus is
  // quiet. Safe to call again, and from inside a call by the core (end_soon).
  void end();
  void end_soon();
  void nexus_quiet();
  bool ending() const { return ending_; }
  bool quiet() const { return ending_ && nexus_ == nullptr; }

  SessionInfo info() const;

  const std::uint64_t id;
  const std::uint16_t tsih;
  const LoginIdentity identity;
  Parameters parameters;
  CommandWindow window;
  HeldRequests held;
  ManagementRequests management;
  std::uint32_t immediate_in_hand = 0;
  std::uint64_t commands = 0, read_bytes = 0, write_bytes = 0;

  scsi::Nexus* nexus() const { return nexus_; }
  TargetPort* port() const { return port_; }
  Connection* connection() const { return connection_; }
  void detach() { connection_ = nullptr; }

 private:
  struct EndSoon : hal::Deferred {
    explicit EndSoon(Session& owner) : hal::Deferred(&EndSoon::run), session(owner) {}
    static void run(hal::Deferred& deferred) { static_cast<EndSoon&>(deferred).session.end(); }
    Session& session;
  };

  Shard& shard_;
  TargetPort* port_ = nullptr;
  scsi::Nexus* nexus_ = nullptr;
  Connection* connection_ = nullptr;
  std::size_t promised_ = 0;  // tasks of the pool
  bool ending_ = false;
  EndSoon end_soon_{*this};
};

}  // namespace iscsi
