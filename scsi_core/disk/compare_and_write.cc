// COMPARE AND WRITE: the engine keeps everything else away from its blocks; compares all before writing any.
//
// Buffers: what the medium should hold, what to write, what it holds. SBC-4 5.3.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"

namespace scsi::disk {
namespace {

void written(Command& c) {
  if (store_ok(c)) finish(c);
}

void compare(Command& c) {
  if (!store_ok(c)) return;
  const Access& a = access(c);
  const std::uint64_t at = first_difference(c, 0, 2 * a.length, a.length);
  if (at != a.length) return finish(c, Outcome::check(kMiscompareDuringVerify, at));
  store(c, StoreOp::kWrite, a.offset, a.length, a.stable, &written, a.length);
}

void received(Command& c) {
  const Access& a = access(c);
  store(c, StoreOp::kRead, a.offset, a.length, false, &compare, 2 * a.length);
}

void receive_both(Command& c) { receive(c, 0, 2 * access(c).length, &received); }

}  // namespace

void compare_and_write(Command& c) {
  const DiskServer& disk = server(c);
  if (!admit(c, disk.limits().compare_and_write)) return;
  Access& a = access(c);
  a.offset = c.core.extent.lba << c.core.lu->block_shift();
  a.length = c.core.extent.blocks << c.core.lu->block_shift();
  a.stable = disk.volatile_cache() && must_be_stable(c, cdb::Fua::get(flags(c)));
  c.core.length = 2 * a.length;
  // Data of another length was meant for another number of blocks.
  if (c.expected_length != c.core.length || transferable(c) != c.core.length) {
    return finish(c, Outcome::invalid_cdb_field(length_field(c)));
  }
  if (a.length == 0) return finish(c);
  take_buffers(c, 3 * a.length, &receive_both);
}

}  // namespace scsi::disk
