// What the core knows of its logical units and nexuses beyond configuration and records: for another process that
// goes on in the place of this one (Core::hand_over, Core::take_over). Values, true while no command is in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scsi_core/medium_state.h"
#include "scsi_core/nexus.h"
#include "scsi_core/sense.h"

namespace scsi {

struct DeviceState {                                    // of a device server
  std::vector<std::byte> mode_pages, saved_mode_pages;  // current values and saved ones, as ModePages::encode
  std::vector<NexusKey> prevents;                       // who has sent PREVENT ALLOW MEDIUM REMOVAL
};

struct ReservationState {
  std::vector<std::byte> record;     // ReservationTable::encode, whether or not APTPL is on
  std::uint32_t generation = 0;      // PRGENERATION
  std::optional<NexusKey> reserver;  // of RESERVE(6) or RESERVE(10)
  bool lost = false;                 // what was kept could not be read
};

struct UnitState {
  std::string name;
  bool stopped = false, ejected = false;  // as of LuFlag
  DeviceState device;
  ReservationState reservations;
  MediumState medium;
};

// The I_T_L nexuses of an I_T nexus that there are. One that is not named has yet to be told of the power on.
struct NexusState {
  struct Unit {
    std::uint32_t lun = 0;
    std::vector<SenseCode> attentions;  // pending, the first to be reported first
  };
  std::vector<Unit> units;
};

}  // namespace scsi
