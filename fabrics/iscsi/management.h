// Task management requests in hand (RFC 7143 11.5): waiting for the commands they affect, or with the SCSI core.
#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "fabrics/iscsi/pdu.h"
#include "scsi_core/port.h"

namespace iscsi {

class Connection;

enum class ManagementFunction : std::uint8_t {  // on the wire
  kAbortTask = 1,
  kAbortTaskSet = 2,
  kClearAca = 3,
  kClearTaskSet = 4,
  kLogicalUnitReset = 5,
  kTargetWarmReset = 6,
  kTargetColdReset = 7,
  kTaskReassign = 8,
  kQueryTask = 9,
  kQueryTaskSet = 10,
  kITNexusReset = 11,
  kQueryAsynchronousEvent = 12,
};

enum class ManagementAnswer : std::uint8_t {  // RFC 7143 11.6.1, RFC 7144 5
  kFunctionComplete = 0,
  kTaskDoesNotExist = 1,
  kLunDoesNotExist = 2,
  kTaskStillAllegiant = 3,
  kReassignmentNotSupported = 4,
  kNotSupported = 5,
  kAuthorizationFailed = 6,
  kFunctionSucceeded = 7,
  kFunctionRejected = 255,
};

ManagementAnswer answer_of(scsi::TmfResponse response);
// False when the function does not exist or is not the core's.
bool core_function(ManagementFunction function, scsi::TaskFunction& out);
// Functions that affect whole task sets must see every command that was sent before them (RFC 7143 4.2.3.2).
bool affects_task_sets(ManagementFunction function);
// ... of all logical units, not of the one addressed.
bool affects_all_units(ManagementFunction function);

struct ManagementRequest final : scsi::TaskManagement, base::ListHook<ManagementRequest> {
  Connection* connection = nullptr;  // null when nobody is to be answered
  ManagementFunction wire_function{};
  std::uint32_t initiator_task_tag = 0;
  std::uint32_t cmd_sn = 0;
  std::uint32_t referenced_cmd_sn = 0;
  std::uint64_t last_task = 0;  // number of the last task before it
  bool immediate = false;
  bool waiting = false;  // for commands before it
  bool fenced = false;   // done; its answer waits until the other connections' have been acknowledged
  bool own = false;      // ours, not the initiator's
};
using ManagementRequests = base::IntrusiveList<ManagementRequest>;

}  // namespace iscsi
