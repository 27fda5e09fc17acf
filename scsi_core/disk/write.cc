// WRITE(6), (10), (12), (16): into the medium's memory where it lends it, else through buffers in parts; WRITE ATOMIC.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"

namespace scsi::disk {
namespace {

void fill(Command& c);

void stored(Command& c) {
  if (!store_ok(c)) return;
  c.core.done += access(c).part;
  if (left(c) == 0) return finish(c);
  fill(c);
}

void put(Command& c) {
  const Access& a = access(c);
  store(c, StoreOp::kWrite, a.offset + c.core.done, a.part, a.stable, &stored);
}

void fill(Command& c) {
  Access& a = access(c);
  a.part = std::min(left(c), kPart);
  receive(c, c.core.done, a.part, &put);
}

void cannot_lend(Command& c) {
  c.core.store.op = StoreOp::kWrite;
  c.core.store.status = access(c).status;
  c.core.store.bad_offset = access(c).offset + c.core.done;
  static_cast<void>(store_ok(c));
}

void lend(Command& c) {
  StoreChannel* const medium = channel(c);
  if (medium == nullptr) return;
  Access& a = access(c);
  const std::uint64_t at = c.core.done;
  const std::uint64_t part = medium->lend_for_write(a.offset + at, left(c), c.core.segments, a.segments, a.status);
  if (a.status != StoreStatus::kGood) [[unlikely]]
    return cannot_lend(c);
  c.core.segment_count = static_cast<std::uint8_t>(a.segments);
  if (part == 0) return take_buffers(c, std::min(left(c), kPart), &fill);
  c.core.done = at + part;
  receive(c, at, part, left(c) == 0 ? &good : &lend);
}

// Sets up the access; false: the command has been ended.
bool begin(Command& c, std::uint64_t limit, bool fua) {
  const DiskServer& disk = server(c);
  if (!admit(c, limit)) return false;
  const std::uint32_t shift = c.core.lu->block_shift();
  c.core.length = c.core.extent.blocks << shift;
  Access& a = access(c);
  a.offset = c.core.extent.lba << shift;
  a.length = transferable(c);
  a.stable = disk.volatile_cache() && must_be_stable(c, fua);
  return true;
}

// Fewer bytes than the CDB asks for: whole blocks of them are written, the rest shows as residual overflow. Half a
// block, or data that goes the other way, would be lost behind a GOOD. False: the command has been ended.
bool part_is_welcome(Command& c) {
  if (access(c).length % block_size(c) == 0 && c.direction != DataDirection::kIn) return true;
  finish(c, Outcome::check(kInvalidFieldInCommandInformationUnit));
  return false;
}

void start(Command& c, bool fua) {
  const DiskServer& disk = server(c);
  if (!begin(c, disk.limits().transfer, fua)) return;
  const Access& a = access(c);
  if (a.length != c.core.length && !part_is_welcome(c)) [[unlikely]]
    return;
  if (a.length == 0) [[unlikely]]
    return good(c);
  if (disk.lends() && !a.stable) [[likely]]
    return lend(c);
  take_buffers(c, std::min(a.length, kPart), &fill);
}

void receive_all(Command& c) {
  access(c).part = access(c).length;
  receive(c, 0, access(c).length, &put);
}

}  // namespace

void write_6(Command& c) { start(c, false); }
void write(Command& c) { start(c, cdb::Fua::get(flags(c))); }

// All blocks are received before the first is written, in one request of the backstore.
void write_atomic(Command& c) {
  if (!begin(c, server(c).limits().atomic, cdb::Fua::get(flags(c)))) return;
  if (!all_data_announced(c)) return;
  if (c.core.length == 0) return finish(c);
  take_buffers(c, c.core.length, &receive_all);
}

}  // namespace scsi::disk
