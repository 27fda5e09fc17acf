// The Fibre Channel fabric as the control plane sees it: ports, who may log in, sessions.
//
// Threads: every member is called on the control reactor; `done` runs there later. The control part of a port lives on
// the reactor of its adapter, its queues on data reactors; they get settings as copies, by message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hal/port/fc_port.h"
#include "scsi_core/core.h"

namespace fcp {

struct PortConfig {
  std::string name;                          // what views call the target; unique
  bool online = true;                        // false: off the link
  std::vector<std::string> initiators = {};  // WWPNs that may log in, `*` and `?` as wildcards; empty: everybody
  std::uint16_t relative_id = 1;             // RELATIVE TARGET PORT IDENTIFIER, unique in the process
  std::uint16_t port_group = 1;
  bool report_changes = true;  // RSCN when an initiator sees other logical units than before
  bool operator==(const PortConfig&) const = default;
};

struct FabricConfig {  // the whole fabric; a value
  std::vector<PortConfig> ports;
  bool operator==(const FabricConfig&) const = default;
  base::Result<void> validate() const;
};

struct SessionInfo {     // an I_T nexus: a process login of an initiator at a port
  std::uint64_t id = 0;  // of this process, never reused; above what the other fabrics use
  std::string port;
  hal::fc::RemotePort initiator;
  std::uint32_t service_parameters = 0;  // of its PRLI
  std::uint64_t commands = 0, in_flight = 0, read_bytes = 0, write_bytes = 0;
  bool ending = false;
  scsi::Statistics statistics = {};  // the core's, of the I_T nexus
};
inline constexpr std::uint64_t kFirstSession = 1'000'000'001;

struct PortStatus {
  PortConfig config;
  bool attached = false;     // there is an adapter; else `info` is empty
  std::string registration;  // with the name server: "registered", "not in a fabric", a step, "failed: ..."
  hal::fc::PortInfo info;
};

struct FabricCounters {
  std::uint64_t logins = 0, logins_refused = 0, logins_ended = 0;
  std::uint64_t aborts = 0, task_management = 0;
  std::uint64_t invalid_commands = 0;                         // FCP_CMND fields that make no sense
  std::uint64_t stray_commands = 0;                           // from a login that has ended
  std::uint64_t state_changes = 0;                            // RSCN
  std::uint64_t state_reports = 0, state_reports_failed = 0;  // RSCN of our own
  std::uint64_t registrations = 0, registrations_failed = 0, adapter_failures = 0;
  FabricCounters& operator+=(const FabricCounters& other);
};

struct EventInfo {  // of the rings that each port keeps
  base::Duration age{};
  std::string port, event, subject;  // "fc0", "login refused", the initiator's WWPN
  std::uint64_t detail = 0;          // as fabrics/fcp/events.h has it
  // Which ring, when, and its place in the ring, counted from 1: nothing is between two numbers that follow each other.
  std::string ring = {};
  base::Time at{};
  std::uint64_t number = 0;
};

class Fabric {
 public:
  // `data[i]` is the reactor of the core's router(i).
  Fabric(scsi::Core& core, hal::Reactor& control, std::vector<hal::Reactor*> data);
  Fabric(std::vector<scsi::TaskRouter*> routers, hal::Reactor& control, std::vector<hal::Reactor*> data);
  ~Fabric();  // after stop(), when the reactors have stopped

  // An adapter's port gets the settings of that name, and is started when they have it online. Its queues must be on
  // data reactors. It outlives the fabric, or is detached first.
  base::Result<void> attach(const std::string& name, hal::fc::FcPort& port);
  // Takes the port off the link; when `done`, nothing of the fabric touches it any more.
  void detach(const std::string& name, scsi::Done done);
  // Compares with what is in force and changes only that: ends logins that lost access, brings ports online or offline.
  void apply(FabricConfig config, scsi::Done done);
  // Every port, for scsi::Core::set_target_ports; `changed` is called whenever a port's WWPN has become known.
  std::vector<scsi::TargetPortIdentity> target_ports() const;
  void on_target_ports(std::function<void()> changed);
  // `failed` is called when the adapter of a port does not come back by itself: detach it, and attach another.
  void on_port_failed(std::function<void(const std::string& port, const std::string& why)> failed);
  void list_ports(std::function<void(std::vector<PortStatus>)> done);
  void list_sessions(std::function<void(std::vector<SessionInfo>)> done);
  // The last few hundred logins, refusals, aborts and changes of the link, oldest first.
  void list_events(std::function<void(std::vector<EventInfo>)> done);
  // LOGO to the initiator; `done` when the session is over.
  void logout_session(std::uint64_t id, scsi::Done done);
  void counters(std::function<void(FabricCounters)> done);
  // What an adapter shows of itself: "registers", "rings", "events".
  void dump(const std::string& port, const std::string& what, std::function<void(base::Result<std::string>)> done);
  void stop(scsi::Done done);  // takes all ports off the link

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace fcp
