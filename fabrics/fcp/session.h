// An I_T nexus (FCP-4 4.2): one initiator's process login at one port, on the reactor of the queue it uses; and what
// belongs to its exchanges.
#pragma once

#include <cstdint>

#include "hal/port/fc_port.h"
#include "scsi_core/command.h"
#include "scsi_core/port.h"

namespace fcp {

class Lane;
struct Slot;

// Created by a login, lost once; gone when the core has let go of the nexus and no exchange is left.
struct Session {
  std::uint64_t id = 0;
  hal::fc::LoginId login = 0;
  hal::fc::RemotePort initiator;
  std::uint32_t service_parameters = 0;
  scsi::Nexus* nexus = nullptr;  // null once the core is quiet
  bool lost = false;
  std::uint32_t exchanges = 0;   // slots in use
  std::uint32_t management = 0;  // task management functions with the core
  std::uint64_t commands = 0, read_bytes = 0, write_bytes = 0;
};

// A task management function with the core: of an FCP_CMND, or ABORT TASK for an ABTS.
struct Management final : scsi::TaskManagement {
  static constexpr std::uint32_t kMaxPerSession = 64;
  Session* session = nullptr;
  Slot* slot = nullptr;  // where the answer goes; null: nowhere (an ABTS, or the exchange has ended)
  std::uint8_t flags = 0;
};

enum class SlotPlace : std::uint8_t {
  kFree,        // with the adapter
  kCore,        // a command with the SCSI core
  kManagement,  // a task management function, with the core
  kEnding,      // its response or its drop is out: waits for exchange_ended
};

// The fabric's part of an exchange, at the exchange's index.
struct Slot final : scsi::Command {
  hal::fc::Exchange* exchange = nullptr;
  Session* session = nullptr;  // null: of no login that we know
  Management* management = nullptr;
  SlotPlace place = SlotPlace::kFree;
  bool status_in_data = false;  // the send_data that is out carries the status
  bool abort_asked = false;     // the core was asked to abort it
  std::uint8_t transfers_out = 0;
  const hal::ProtectionTransfer* protection = nullptr;  // of the transfer that was asked for last, if it has any
};

}  // namespace fcp
