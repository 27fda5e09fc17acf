// READ(6), (10), (12), (16), (32) of protected blocks: checked as RDPROTECT says, sent with their information or
// without.
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/protected.h"

namespace scsi::disk {
namespace {

void fetch(Command& c);

void deliver(Command& c) {
  const Protected& p = protected_access(c);
  if (p.offload) return send_part(c, &fetch);
  const std::uint64_t count = blocks_in(c, p.part), first = blocks_in(c, c.core.done);
  if (!check_blocks(c, blocks_at(c, 0), first, count, checks_of_medium(p.code))) return;
  const std::uint64_t from = p.code != 0 ? wire_at(c) : 0;
  if (p.code != 0) copy_blocks(c, wire_blocks_at(c, from), blocks_at(c, 0), count);
  const std::uint64_t at = on_wire(c, c.core.done), bytes = on_wire(c, p.part);
  c.core.done += p.part;
  if (left(c) == 0) return send_last(c, at, bytes, from);
  send(c, at, bytes, &fetch, from);
}

void fetch(Command& c) {
  Protected& p = protected_access(c);
  p.part = std::min(left(c), p.room);
  read_blocks(c, 0, &deliver);
}

}  // namespace

void protected_read(Command& c) {
  if (!begin_protected(c, server(c).limits().transfer)) return;
  Protected& p = protected_access(c);
  c.core.length = on_wire(c, p.length);
  const std::uint64_t bytes = transferable(c);
  if (bytes == 0) return finish(c);
  p.length = (bytes + p.wire_block - 1) / p.wire_block << c.core.lu->block_shift();
  p.room = std::min(p.length, kProtectedPart);
  p.stable = cdb::Fua::get(protected_flags(c)) && server(c).volatile_cache();
  p.offload = offloaded(c, bytes);
  take_buffers(c, with_information(c, p.room) + (p.code != 0 && !p.offload ? on_wire(c, p.room) : 0), &fetch);
}

}  // namespace scsi::disk
