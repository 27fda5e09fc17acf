// WRITE SAME(10), (16): one block over many; zeroes and unmapping go to the backstore as such.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"

namespace scsi::disk {
namespace {

void next(Command& c);

void written(Command& c) {
  if (!store_ok(c)) return;
  c.core.done += access(c).part;
  if (left(c) == 0) return finish(c);
  next(c);
}

void next(Command& c) {
  Access& a = access(c);
  a.part = std::min(left(c), kPart);
  store(c, StoreOp::kWrite, a.offset + c.core.done, a.part, a.stable, &written);
}

// Who sets UNMAP wants blocks that read as zeroes (LBPRZ = 001b), whatever block comes along: SBC-4 would have blocks
// that are not zero written instead, but initiators (libiscsi's conformance test for one) count on other targets'
// habit.
void clear(Command& c) {
  Access& a = access(c);
  a.part = a.length;
  const bool unmap = cdb::UnmapBit::get(flags(c));
  store(c, unmap ? StoreOp::kUnmap : StoreOp::kWriteZeroes, a.offset, a.length, a.stable, &written);
}

void received(Command& c) {
  if (cdb::UnmapBit::get(flags(c)) || all_zero(c, 0, block_size(c))) return clear(c);
  repeat(c, 0, block_size(c), 0, std::min(access(c).length, kPart));
  next(c);
}

void receive_block(Command& c) { receive(c, 0, block_size(c), &received); }

}  // namespace

void write_same(Command& c) {
  const DiskServer& disk = server(c);
  const std::uint64_t capacity = c.core.lu->blocks.load(std::memory_order_relaxed);
  const bool sixteen = c.core.row->length == 16;
  const bool no_data = sixteen && cdb::Ndob::get(flags(c));
  Extent e = c.core.extent;
  const bool to_end = e.blocks == ~std::uint64_t{0} - e.lba;  // WSNZ = 0: no blocks means all that follow
  if (to_end && e.lba < capacity) e.blocks = capacity - e.lba;
  if (!admit(c, e, disk.limits().write_same)) return;
  Access& a = access(c);
  a.offset = e.lba << c.core.lu->block_shift();
  a.length = e.blocks << c.core.lu->block_shift();
  a.stable = disk.volatile_cache() && must_be_stable(c, false);
  c.core.length = no_data ? 0 : block_size(c);
  if (no_data) return clear(c);
  if (c.expected_length != c.core.length || transferable(c) != c.core.length) {
    return finish(c, Outcome::check(kInvalidFieldInCommandInformationUnit));
  }
  take_buffers(c, std::min(a.length, kPart), &receive_block);
}

}  // namespace scsi::disk
