// ORWRITE(16): reads, ORs and writes blocks that the engine keeps everything else away from.
//
// Buffers: the initiator's data first, the medium's behind it.
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

void merge(Command& c) {
  if (!store_ok(c)) return;
  const Access& a = access(c);
  or_into(c, 0, a.part, a.part);
  store(c, StoreOp::kWrite, a.offset + c.core.done, a.part, a.stable, &written);
}

void received(Command& c) {
  const Access& a = access(c);
  store(c, StoreOp::kRead, a.offset + c.core.done, a.part, false, &merge, a.part);
}

void next(Command& c) {
  Access& a = access(c);
  a.part = std::min(left(c), kPart / 2);
  receive(c, c.core.done, a.part, &received);
}

}  // namespace

void or_write(Command& c) {
  const DiskServer& disk = server(c);
  if (!admit(c, disk.limits().transfer)) return;
  Access& a = access(c);
  a.offset = c.core.extent.lba << c.core.lu->block_shift();
  a.length = c.core.length = c.core.extent.blocks << c.core.lu->block_shift();
  a.stable = disk.volatile_cache() && must_be_stable(c, cdb::Fua::get(flags(c)));
  if (!all_data_announced(c)) return;
  if (a.length == 0) return finish(c);
  take_buffers(c, 2 * std::min(a.length, kPart / 2), &next);
}

}  // namespace scsi::disk
