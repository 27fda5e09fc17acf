// MODE SELECT (6) and (10): checks the list, flushes when the write cache goes off, saves, applies, tells the others.
//
// The row is exclusive: nothing else runs on the logical unit from the check to the end.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/mode_parameters.h"
#include "scsi_core/lu_control.h"

namespace scsi::disk {
namespace {

void done(Command& c) { finish(c); }

// What the list would make of the current values.
Outcome outcome_of(Command& c, ModePages::Image& image) {
  image = server(c).modes().current;
  return apply_mode_parameters(parameters(c),
                               {.blocks = c.core.lu->blocks.load(std::memory_order_relaxed),
                                .block_size = static_cast<std::uint32_t>(block_size(c)),
                                .ten = c.core.row->length == 10,
                                .protection = server(c).protection_type() != 0},
                               image);
}

// --- home reactor ---

void check(Command& c) {
  ModePages::Image image;
  if (const Outcome outcome = outcome_of(c, image); outcome.status != Status::kGood) return fail_at_home(c, outcome);
  using Wce = mode::WriteCacheEnabled;
  c.scratch_as<bool>() = Wce::get(server(c).modes().current) && !Wce::get(image);
}

// Ends the command when the others have been told.
void install(Command& c, const ModePages::Image& image) {
  LogicalUnit& lu = *c.core.lu;
  const bool changed = server(c).modes().current != image;
  server(c).set_current_modes(lu, image);
  if (!changed) return home_done(c);
  establish_unit_attention(
      lu, kModeParametersChanged, [from = nexus_key(c)](const NexusKey& nexus) { return nexus != from; },
      [&c] { home_done(c); });
}

void apply(Command& c) {
  ModePages::Image image;
  if (const Outcome outcome = outcome_of(c, image); outcome.status != Status::kGood) return fail_at_home(c, outcome);
  MetadataStore* const metadata = server(c).metadata();
  if (!cdb::SavePages::get(flags(c)) || metadata == nullptr) {
    if (cdb::SavePages::get(flags(c))) server(c).set_saved_modes(image);
    return install(c, image);
  }
  LogicalUnit& lu = *c.core.lu;
  metadata->save(lu.home(), lu.config().name, kModePagesRecord, server(c).modes().encode(image),
                 [&c, image](const base::Result<void>& saved) {
                   if (!saved) return fail_at_home(c, Outcome::check(kInternalTargetFailure));
                   server(c).set_saved_modes(image);
                   install(c, image);
                 });
}

// --- the command's reactor ---

void flushed(Command& c) {
  if (store_ok(c)) at_home_async(c, &apply, &done);
}

void checked(Command& c) {
  if (c.scratch_as<bool>()) return flush_medium(c, {}, &flushed);
  at_home_async(c, &apply, &done);
}

void received(Command& c) { at_home(c, &check, &checked); }

void start(Command& c, std::uint32_t length) {
  if (!cdb::PageFormat::get(flags(c))) return finish(c, Outcome::invalid_cdb_field(1, cdb::PageFormat::kHi));
  if (length == 0) return finish(c);
  receive_parameters(c, length, &received);
}

}  // namespace

void mode_select_6(Command& c) { start(c, wire<cdb::ModeSelect6>(c).parameter_list_length); }
void mode_select_10(Command& c) { start(c, wire<cdb::ModeSelect10>(c).parameter_list_length); }

}  // namespace scsi::disk
