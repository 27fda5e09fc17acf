// READ(6), (10), (12), (16): lends the medium's memory to the port where it can, else goes through buffers in parts.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"

namespace scsi::disk {
namespace {

void fetch(Command& c);

void deliver(Command& c) {
  if (!store_ok(c)) return;
  const std::uint64_t at = c.core.done;
  c.core.done += access(c).part;
  if (left(c) == 0) return send_last(c, at, access(c).part);
  send(c, at, access(c).part, &fetch);
}

void fetch(Command& c) {
  Access& a = access(c);
  a.part = std::min(left(c), kPart);
  store(c, StoreOp::kRead, a.offset + c.core.done, a.part, a.stable, &deliver);
}

void lend(Command& c) {
  StoreChannel* const medium = channel(c);
  if (medium == nullptr) return;
  Access& a = access(c);
  const std::uint64_t at = c.core.done;
  const std::uint64_t part = medium->lend_for_read(a.offset + at, left(c), c.core.segments, a.segments);
  c.core.segment_count = static_cast<std::uint8_t>(a.segments);
  if (part == 0) return take_buffers(c, std::min(left(c), kPart), &fetch);
  c.core.done = at + part;
  if (left(c) == 0) [[likely]]
    return send_last(c, at, part);
  send(c, at, part, &lend);
}

void start(Command& c, bool fua) {
  const DiskServer& disk = server(c);
  if (!admit(c, disk.limits().transfer)) return;
  const std::uint32_t shift = c.core.lu->block_shift();
  c.core.length = c.core.extent.blocks << shift;
  const std::uint64_t bytes = transferable(c);
  if (bytes == 0) [[unlikely]]
    return finish(c);
  Access& a = access(c);
  a.offset = c.core.extent.lba << shift;
  a.length = whole_blocks(c, bytes);
  a.stable = fua && disk.volatile_cache();
  if (disk.lends() && !a.stable) [[likely]]
    return lend(c);
  take_buffers(c, std::min(a.length, kPart), &fetch);
}

}  // namespace

void read_6(Command& c) { start(c, false); }
void read(Command& c) { start(c, cdb::Fua::get(flags(c))); }

}  // namespace scsi::disk
