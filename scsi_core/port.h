// The boundary between fabrics and the SCSI core: SAM-5's transport protocol services as two abstract classes.
//
// A command is a baton. The port hands it over with scsi_command_received; from then on exactly one side may touch it.
// The core asks for transfers (several may be out at once); each is answered exactly once, from the poll loop, never
// from inside the call. The core ends it with send_command_complete, drop_command, or a Data-In `with_status` that
// comes back kDelivered: then the slot is the port's again (in the last case when that up-call returns). Aborting adds
// no path: terminate_data_transfer hastens the answers that are owed. Everything here happens on the nexus' reactor.
//
// The core may call back from inside any up-call: complete or drop a command (this one or others), ask for a transfer.
// Only task_management_function_executed, nexus_quiet, end_nexus and logical_units_changed always come from the poll
// loop on their own.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hal/dma.h"
#include "hal/protection.h"
#include "scsi_core/types.h"

namespace scsi {

class Command;
class Nexus;
struct NexusState;
struct TaskManagement;

enum class Delivery : std::uint8_t {
  kDelivered,   // done; for Data-Out the bytes are in the segments
  kTerminated,  // ended early on request; segments are no longer touched, their content is undefined
  kFailed,      // the port could not do it (connection or exchange lost, data digest error)
};

// SPC-5 7.6.4 TransportID, encoded, and what else the core must know about one end of a nexus.
struct TransportId {
  std::uint8_t protocol = 5;  // SPC-5 table 477: 0 FCP, 4 SRP, 5 iSCSI, 6 SAS
  std::string name;  // iSCSI: "iqn...,i,0x<12 hex digits of ISID>"; FCP: 8 bytes of WWPN; lower case where text
  bool operator==(const TransportId&) const = default;
};

// Who a target port is; shared by the TargetPort objects of all reactors. Unchanging while the port exists.
struct TargetPortIdentity {
  std::uint8_t protocol = 5;
  std::uint16_t relative_id = 1;  // RELATIVE TARGET PORT IDENTIFIER, unique in this process
  std::uint16_t port_group = 1;   // TARGET PORT GROUP for designators
  std::string target_name;        // what views call it; iSCSI: target node name, without portal group
  std::string port_name;          // iSCSI: "iqn...,t,0x0001"; FCP: 8 bytes of WWPN, empty while it is not known
  bool operator==(const TargetPortIdentity&) const = default;
};

struct Transfer {                          // one Data-In or Data-Out step of a command
  std::span<const hal::DmaSpan> segments;  // must stay in place (the array too) until the answer
  std::uint64_t offset = 0;                // place in the command's data buffer
  std::uint64_t length = 0;                // sum of the segments' bytes
  bool with_status = false;                // last Data-In: GOOD and the residual in command.response go with it
  // Where offloads_protection(): then `segments` are of the data alone, offset and length are of what is at the port.
  const hal::ProtectionTransfer* protection = nullptr;
};

// core -> port. One object per target port and reactor.
class TargetPort {
 public:
  virtual ~TargetPort() = default;
  virtual const TargetPortIdentity& identity() const = 0;
  virtual hal::DmaPool& buffers() = 0;
  virtual bool offloads_protection() const { return false; }                      // else the core does it in memory
  virtual void send_data_in(Command& command, const Transfer& transfer) = 0;      // -> data_in_delivered
  virtual void receive_data_out(Command& command, const Transfer& transfer) = 0;  // -> data_out_received
  virtual void terminate_data_transfer(Command& command) = 0;
  virtual void send_command_complete(Command& command) = 0;  // command.response is filled; end of the command
  virtual void drop_command(Command& command) = 0;           // end of the command, nothing is sent
  virtual void task_management_function_executed(TaskManagement& function, TmfResponse response) = 0;
  virtual void nexus_quiet(Nexus& nexus) = 0;  // answer to nexus_lost: all its slots are back, the Nexus is gone
  // Asks the fabric to end this nexus (access withdrawn, target taken away); it answers with nexus_lost in its own
  // time.
  virtual void end_nexus(Nexus& nexus) = 0;
  // The nexus has another set of logical units; the unit attention conditions are established. For a transport that can
  // tell an initiator that sends no commands.
  virtual void logical_units_changed(Nexus& nexus) { static_cast<void>(nexus); }
};

// port -> core. One object per reactor.
class TaskRouter {
 public:
  virtual ~TaskRouter() = default;
  // The nexus object lives until nexus_quiet. `context` is the port's own and comes back as nexus.port_context.
  virtual Nexus& nexus_established(TargetPort& port, const TransportId& initiator, void* context) = 0;
  // The core drops what it holds for the nexus, answers its task management requests (their answer has nobody to go
  // to), then calls nexus_quiet. A backstore that does not let go of a command holds nexus_quiet back. A port that puts
  // a new nexus in the place of an old one (session reinstatement) waits for nexus_quiet of the old one first.
  virtual void nexus_lost(Nexus& nexus) = 0;
  // For a nexus that goes on in another process (handover.h), without a command in hand: what it is owed, and there,
  // before its first command, that it is.
  virtual void nexus_handed_over(const Nexus& nexus, NexusState& out) = 0;
  virtual void nexus_taken_over(Nexus& nexus, const NexusState& state) = 0;
  virtual void scsi_command_received(Command& command) = 0;  // cannot be refused
  virtual void data_in_delivered(Command& command, Delivery delivery) = 0;
  virtual void data_out_received(Command& command, Delivery delivery) = 0;
  virtual void task_management_request_received(TaskManagement& function) = 0;
};

// A task management request; owned by the port until task_management_function_executed gives it back.
struct TaskManagement {
  Nexus* nexus = nullptr;
  TaskFunction function = TaskFunction::kAbortTask;
  Lun lun;
  std::uint64_t tag = 0;  // of the task meant, for ABORT TASK and QUERY TASK
  void* core = nullptr;   // the core's, while it works on it
};

}  // namespace scsi
