// What reservations, mode pages and task management may do to a logical unit as a whole, across reactors.
// Everything here is called on the unit's home reactor; `done` runs there too, once every reactor has answered.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "scsi_core/logical_unit.h"
#include "scsi_core/nexus.h"

namespace scsi {

// Why commands of an I_T_L nexus answer RESERVATION CONFLICT; the engine tests these bits against OpcodeRow::conflict:
// kRead -> kDenyRead, kWrite -> kDenyWrite, kRegistrantsOnly -> kDenyOther, kReserve -> kDenyReserved.
enum Denial : std::uint8_t { kDenyRead = 1, kDenyWrite = 2, kDenyOther = 4, kDenyReserved = 8 };

using NexusFilter = std::function<bool(const NexusKey&)>;

// Publishes who is denied what. `denials` is kept and asked again for nexuses that come later; from any reactor, so it
// must be a value that shares nothing that changes.
void publish_denials(LogicalUnit& lu, std::function<std::uint8_t(const NexusKey&)> denials, std::function<void()> done);
// Ends every command of the nexuses that match, except `except`; done when none of them can touch the medium any more.
// `tell`: commands end with TASK ABORTED where TAS says so; else they are dropped. Commands that are at home (at_home)
// are marked too, but not waited for: two PREEMPT AND ABORT that mean each other would wait for ever.
void abort_commands(LogicalUnit& lu, NexusFilter filter, const Command* except, bool tell, std::function<void()> done);
// Establishes a unit attention condition for each nexus that matches and can see the unit; home reactor. `done`: each
// has it, so that whoever hears of the change now cannot be ahead of it.
void establish_unit_attention(LogicalUnit& lu, SenseCode code, NexusFilter filter, std::function<void()> done = {});
// How a logical unit is reached: the target ports that show it, and the I_T nexuses that see it now. For registrations
// that name others (SPEC_I_PT, ALL_TG_PT, REGISTER AND MOVE).
struct Reach {
  std::vector<TargetPortIdentity> ports;
  std::vector<NexusKey> nexuses;
};
void find_reach(LogicalUnit& lu, std::function<void(Reach)> done);
// The key of the nexus a command came by; any reactor that holds the command.
const NexusKey& nexus_key(const Command& command);

}  // namespace scsi
