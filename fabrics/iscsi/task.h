// One SCSI command of a connection: the core's Command and the datamover's DataTask in one slot.
#pragma once

#include <cstdint>
#include <memory>

#include "fabrics/iscsi/sent_data.h"
#include "hal/port/datamover.h"
#include "scsi_core/command.h"
#include "scsi_core/port.h"

namespace iscsi {

class Connection;

enum class TaskPlace : std::uint8_t {
  kFree,      // in the pool
  kHeld,      // commands before it are missing (CmdSN)
  kCore,      // with the SCSI core
  kDraining,  // its response is ready and waits for the last Data-Out
};

struct Task final : scsi::Command, hal::DataTask, base::ListHook<Task> {
  static constexpr std::uint8_t kImmediate = 1;
  static constexpr std::uint8_t kOrphan = 2;  // its connection leaves the session and waits for it
  static constexpr std::uint8_t kKept = 4;    // has `sent`, or what level 2 needs
  Connection* connection = nullptr;
  Task* next_in_bucket = nullptr;  // TaskTable's
  TaskPlace place = TaskPlace::kFree;
  std::uint8_t odd = 0;         // kImmediate, kOrphan, kKept: what its end has to see to besides
  bool holds_slot = false;      // of the command window
  bool status_in_data = false;  // the put_data that is out carries the status
  std::uint8_t transfers_out = 0;
  std::uint32_t cmd_sn = 0;
  std::uint64_t number = 0;  // counts what the session gave to the core
  std::uint32_t bidirectional_read_length = 0;
  // At level 2: the Data-Out that is under way, what has come before it, and answers to transfers that wait until
  // another connection takes over.
  scsi::Transfer fetching;
  std::uint32_t fetched = 0;
  std::uint8_t held_answers = 0;
  bool placing = false;            // the datamover was given `fetching`: what has arrived of it is in its place
  std::unique_ptr<SentData> sent;  // from error recovery level 1 on, once there is data
};

}  // namespace iscsi
