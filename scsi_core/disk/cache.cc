// SYNCHRONIZE CACHE and PRE-FETCH (10), (16).
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"

namespace scsi::disk {
namespace {

void synchronized(Command& c) {
  if (store_ok(c)) finish(c);
}

// 0 blocks mean all that follow; the opcode table turns that into an extent that reaches past any capacity.
bool admit_to_end(Command& c, Extent& e) {
  e = c.core.extent;
  const std::uint64_t capacity = c.core.lu->blocks.load(std::memory_order_relaxed);
  if (e.blocks == ~std::uint64_t{0} - e.lba && e.lba <= capacity) e.blocks = capacity - e.lba;
  return admit(c, e, ~std::uint64_t{0});
}

}  // namespace

// IMMED = 1 is answered when the flush is over, too: status that comes late promises more, not less, and an error then
// needs no deferred sense data.
void synchronize_cache(Command& c) {
  Extent e;
  if (!admit_to_end(c, e)) return;
  if (e.blocks == 0) return finish(c);
  flush_medium(c, e, &synchronized);
}

// CONDITION MET says that all blocks are in the cache now: true for a medium that is memory. Where blocks are read
// past any cache there is none to fill, and GOOD says so (SBC-4 5.15).
void prefetch(Command& c) {
  Extent e;
  if (!admit_to_end(c, e)) return;
  finish(c, Outcome::of(server(c).lends() ? Status::kConditionMet : Status::kGood));
}

}  // namespace scsi::disk
