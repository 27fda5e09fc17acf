// The iSCSI fabric as the control plane sees it: targets, portals, accounts, sessions.
//
// Threads: every member is called on the control reactor; `done` runs there later. Sessions live on the data reactors;
// what they read of the configuration is an immutable snapshot, so a login sees the old settings or the new, whole.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabrics/iscsi/account.h"
#include "fabrics/iscsi/chap_verifier.h"
#include "fabrics/iscsi/target_keys.h"
#include "hal/port/datamover.h"
#include "scsi_core/core.h"

namespace iscsi {

// Where initiators are sent instead, by the login status 0101 or 0102 (RFC 7143 11.13.5).
struct Redirection {
  std::string address;     // "192.0.2.7:3260", "[2001:db8::7]:3260", "storage.example.org:3260"; empty: nowhere
  bool permanent = false;  // the initiator is to remember it
  bool operator==(const Redirection&) const = default;
};

struct Portal {                             // one listening address
  std::string address;                      // "0.0.0.0:3260", "[::]:3260", "127.0.0.1:0"
  std::uint16_t tag = 1;                    // portal group
  Redirection redirection = {};             // of all normal sessions that come by it
  std::uint32_t max_connections = 0;        // 0: no limit of its own, as for those below
  std::uint32_t max_sessions = 0;           // normal ones
  std::uint32_t max_logins_per_second = 0;  // of all kinds
  bool operator==(const Portal&) const = default;
};

inline constexpr std::uint16_t kMaxSessionConnections = 8;  // of one session
inline constexpr std::uint8_t kMaxErrorRecoveryLevel = 2;

struct Target {
  std::string name;  // iqn., eui. or naa.
  std::string alias;
  std::vector<std::uint16_t> portal_groups = {1};
  // RELATIVE TARGET PORT IDENTIFIER of the port in each portal group, in their order; 0 or missing: the lowest free one
  // is taken when the target first appears. Persistent reservations name ports by it: keep it in the store.
  std::vector<std::uint16_t> relative_port_ids = {};
  Authentication authentication;
  std::vector<std::string> initiators;                // who may log in, wildcards; empty: everybody
  bool initiators_awaited = false;                    // that is not known yet: logins are to be tried again
  std::vector<std::string> initiator_addresses = {};  // and from where: subnets; empty: from everywhere
  std::uint16_t command_window = 128;                 // commands in flight per session
  std::uint16_t max_connections = 1;                  // per session, at most kMaxSessionConnections
  std::uint32_t max_sessions = 0;                     // normal ones, at a time; 0: no limit of its own
  std::uint32_t max_logins_per_second = 0;            // 0: no limit of its own
  std::uint32_t max_commands = 0;  // in flight, of all sessions: their windows share it; 0: no limit of its own
  Redirection redirection = {};
  bool report_changes = true;             // Async Message when an initiator sees other logical units than before
  std::uint8_t error_recovery_level = 0;  // the highest that is agreed to, at most kMaxErrorRecoveryLevel
  TargetKeys keys = {};
  bool operator==(const Target&) const = default;
};

struct Limits {
  std::uint32_t max_connections = 4096;    // of all kinds, whole process
  std::uint32_t max_logins = 1024;         // connections that are still in login, of all addresses
  std::uint32_t max_logins_per_peer = 64;  // ... of one address
  base::Duration login_timeout = std::chrono::seconds(15);
  base::Duration nop_interval = std::chrono::seconds(30);  // idle time before a NOP-In ping; 0: never
  base::Duration nop_timeout = std::chrono::seconds(10);   // until the ping must be answered
  bool operator==(const Limits&) const = default;
};

struct RadiusServers {                 // who judge CHAP responses where Authentication::radius is set
  std::vector<std::string> addresses;  // "192.0.2.5:1812"; one that does not answer is followed by the next
  std::string secret_file;             // what we and they share
  std::string nas_identifier = "outboard";
  base::Duration timeout = std::chrono::seconds(2);  // until a datagram is sent again
  std::uint32_t tries = 2;                           // datagrams to one server
  bool operator==(const RadiusServers&) const = default;
};

struct IsnsServer {                                 // where our targets are registered (RFC 4171)
  std::string address;                              // "192.0.2.6:3205"
  std::string entity = {};                          // our name there; empty: the host's
  base::Duration period = std::chrono::minutes(5);  // how long a registration is good; it is refreshed before
  base::Duration inquiry_interval = std::chrono::seconds(30);  // how often the server asks whether portals are there
  bool access_control = false;  // only initiators that share a discovery domain with a target may log in to it
  bool operator==(const IsnsServer&) const = default;
};

struct Listing {                    // what SendTargets=All lists in discovery sessions
  bool forbidden = false;           // targets that this initiator may not log in to, too
  bool other_portal_groups = true;  // and addresses of other portal groups than that of the discovery session
  bool operator==(const Listing&) const = default;
};

struct FabricConfig {  // the whole fabric; a value
  std::vector<Portal> portals;
  std::vector<Target> targets;
  Authentication discovery;
  Listing listing;
  Limits limits;
  RadiusServers radius = {};
  std::vector<IsnsServer> isns = {};  // the fabric leaves them to the control plane
  bool operator==(const FabricConfig&) const = default;
  base::Result<void> validate() const;  // names, lengths of secrets (12 to 255), equal secrets in both directions, ...
};

struct SessionInfo {
  std::uint64_t id = 0;  // of this process, never reused
  std::string initiator, alias, target, isid;
  std::uint16_t tsih = 0, portal_group = 0;
  bool discovery = false;
  std::string authentication;                             // "none", "CHAP user, SHA3-256, mutual"
  std::vector<std::pair<std::string, std::string>> keys;  // negotiated
  struct Connection {
    std::uint16_t cid;
    std::string peer, local;
    bool header_digest, data_digest;
  };
  std::vector<Connection> connections;
  std::uint64_t commands = 0, in_flight = 0, read_bytes = 0, write_bytes = 0;
  scsi::Statistics statistics;  // the core's, of the I_T nexus
};

struct FabricCounters {
  std::uint64_t logins = 0, login_failures = 0, authentication_failures = 0, redirections = 0, rejects = 0,
                digest_errors = 0, protocol_errors = 0, connections_refused = 0;
  // Kept of what was sent, until it is acknowledged, at error recovery levels 1 and 2: now; and how often something
  // could not be, or no longer, for the limits of that.
  std::uint64_t recovery_bytes = 0, recovery_refusals = 0;
  FabricCounters& operator+=(const FabricCounters& other);
};

struct EventInfo {  // of the ring that each reactor keeps of its connections and sessions
  base::Duration age{};
  std::uint32_t reactor = 0;
  std::string event, subject;  // "login refused", the peer's address
  std::uint64_t detail = 0;    // as fabrics/iscsi/events.h has it
  // Which ring, when, and its place in the ring, counted from 1: nothing is between two numbers that follow each other.
  std::string ring = {};
  base::Time at{};
  std::uint64_t number = 0;
};

struct FabricState;
struct FabricListener;

class Fabric {
 public:
  // `data[i]` is the reactor of the core's router(i).
  Fabric(scsi::Core& core, hal::Datamover& datamover, hal::Reactor& control, std::vector<hal::Reactor*> data);
  Fabric(std::vector<scsi::TaskRouter*> routers, hal::Datamover& datamover, hal::Reactor& control,
         std::vector<hal::Reactor*> data);
  ~Fabric();  // after stop(), when the reactors have stopped

  // Compares with what is in force and changes only that: opens and closes portals, ends sessions of targets that went
  // away or initiators that lost access. All or nothing: when a new portal cannot be opened, nothing changes.
  void apply(FabricConfig config, scsi::Done done);
  // Who judges responses of Authentication::radius; outlives stop(). None: such logins are refused.
  void set_chap_verifier(ChapVerifier& verifier);
  // Each target in each of its portal groups, with its identifier: for scsi::Core::set_target_ports after each apply().
  std::vector<scsi::TargetPortIdentity> target_ports() const;
  std::vector<std::string> portal_addresses() const;  // as opened, with real ports, in the order of the config
  void list_sessions(std::function<void(std::vector<SessionInfo>)> done);
  // The last few hundred logins, refusals, rejects and ends, oldest first.
  void list_events(std::function<void(std::vector<EventInfo>)> done);
  // Async Message "request logout" (RFC 7143 11.9, event 1), then the connection is dropped after `grace`.
  void logout_session(std::uint64_t id, base::Duration grace, scsi::Done done);
  // Async Message "request negotiation" (11.9, event 4) on each connection of the session: the initiator is to send a
  // Text Request within `limit`, whose answer declares what the target has set for it by then. Done when it is asked;
  // an error for discovery sessions, which negotiate nothing (4.3).
  void ask_to_negotiate(std::uint64_t id, base::Duration limit, scsi::Done done);
  void counters(std::function<void(FabricCounters)> done);
  // Upgrade in place (handover.h). freeze: shuts the command windows, lets what was sent be answered, stops reading;
  // what is not at rest within `limit` is dropped when `force` says so. An error: everything goes on as before. Until
  // thaw() nobody is heard or accepted.
  void freeze(base::Duration limit, bool force, std::function<void(base::Result<FabricState>)> done);
  void thaw();
  std::vector<FabricListener> listeners() const;  // copies of the sockets
  // In the other process: before the first apply(), whose portals then accept nobody before thaw().
  void adopt_listeners(std::vector<FabricListener> listeners);
  // ... and after it: the sessions, frozen, where they were.
  void restore(FabricState state, scsi::Done done);
  // Shutdown: stops accepting, asks all sessions to log out, ends them after `grace`.
  void stop(base::Duration grace, scsi::Done done);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace iscsi
