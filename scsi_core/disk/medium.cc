// START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/lu_control.h"

namespace scsi::disk {
namespace {

void done(Command& c) { finish(c); }

bool conflicts(const Command& c) { return (c.core.itl->denials & kDenyOther) != 0; }

void load(Command& c) {
  LogicalUnit& lu = *c.core.lu;
  set_flag(lu, kLuStopped, false);
  set_flag(lu, kLuEjected, false);
  establish_unit_attention(
      lu, kNotReadyToReadyChange, [from = nexus_key(c)](const NexusKey& nexus) { return nexus != from; },
      [&c] { home_done(c); });
}

// Home reactor. A unit that removes its medium is not stopped by START = 0 alone: the medium stays readable until it is
// ejected, as with the drives that such units stand for.
void apply(Command& c) {
  LogicalUnit& lu = *c.core.lu;
  const std::uint8_t action = wire<cdb::StartStopUnit>(c).action;
  const bool start = cdb::Start::get(action);
  const bool ejected = (lu.flags.load(std::memory_order_relaxed) & kLuEjected) != 0;
  if (cdb::LoadEject::get(action)) {
    if (start != ejected) return home_done(c);  // as it is already
    if (server(c).removal_prevented()) return fail_at_home(c, Outcome::check(kMediumRemovalPrevented));
    if (start) return load(c);
    set_flag(lu, kLuEjected, true);
  } else {
    set_flag(lu, kLuStopped, !start && !lu.config().removable);
  }
  home_done(c);
}

void flushed(Command& c) {
  if (store_ok(c)) at_home_async(c, &apply, &done);
}

}  // namespace

// POWER CONDITION: none of them changes anything here, and none is told from another; then START and LOEJ mean nothing
// either (SBC-4 5.31).
void start_stop_unit(Command& c) {
  const std::uint8_t action = wire<cdb::StartStopUnit>(c).action;
  const bool power = cdb::PowerCondition::get(action) != 0;
  const bool start = cdb::Start::get(action);
  if ((power || !start) && conflicts(c)) return finish(c, Outcome::of(Status::kReservationConflict));
  if (power) return finish(c);
  if (cdb::LoadEject::get(action) && !c.core.lu->config().removable) {
    return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::StartStopUnit, action), cdb::LoadEject::kHi));
  }
  const bool medium = (c.core.lu->flags.load(std::memory_order_relaxed) & kLuEjected) == 0;
  if (!start && medium && !cdb::NoFlush::get(action)) return flush_medium(c, {}, &flushed);
  at_home_async(c, &apply, &done);
}

void prevent_allow_medium_removal(Command& c) {
  const std::uint8_t prevent = cdb::Prevent::get(wire<cdb::PreventAllow>(c).prevent);
  if (prevent > 1) {
    return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::PreventAllow, prevent), cdb::Prevent::kHi));
  }
  if (prevent != 0 && conflicts(c)) return finish(c, Outcome::of(Status::kReservationConflict));
  at_home(
      c,
      [](Command& at) {
        server(at).prevent_removal(nexus_key(at), cdb::Prevent::get(wire<cdb::PreventAllow>(at).prevent) != 0);
      },
      &done);
}

}  // namespace scsi::disk
