// WRITE(6), (10), (12), (16), (32), WRITE ATOMIC and WRITE AND VERIFY of protected blocks: what comes with information
// is checked as WRPROTECT says and kept as it is, for what comes without it is generated.
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/protected.h"

namespace scsi::disk {
namespace {

void fill(Command& c);

void written(Command& c) {
  c.core.done += access(c).part;
  if (left(c) == 0) return finish(c);
  fill(c);
}

// BYTCHK = 00b asks for no more than that the medium can be read; its information is checked all the same.
void read_back(Command& c) {
  const Protected& p = protected_access(c);
  const std::uint64_t at = wire_at(c), bytes = with_information(c, p.part), first = blocks_in(c, c.core.done);
  if (p.check == 0) {
    if (!check_blocks(c, blocks_at(c, at), first, blocks_in(c, p.part), checks_of_data_out(p.code))) return;
    return written(c);
  }
  const std::uint64_t tuples = bytes - p.part;
  invert(c, p.room, tuples);
  const bool same =
      first_difference(c, 0, at, p.part) == p.part && first_difference(c, p.room, at + p.room, tuples) == tuples;
  if (!same) return finish(c, Outcome::check(kMiscompareDuringVerify));
  written(c);
}

bool verifies(const Command& c) { return c.core.row->enter == &protected_write_and_verify; }

void stored(Command& c) {
  if (verifies(c)) return read_blocks(c, wire_at(c), &read_back);
  written(c);
}

void put(Command& c) {
  const Protected& p = protected_access(c);
  const Blocks blocks = blocks_at(c, 0);
  const std::uint64_t count = blocks_in(c, p.part), first = blocks_in(c, c.core.done);
  if (p.offload) {
    // The port has put both where they belong.
  } else if (p.code == 0) {
    generate(c, blocks, first, count);
  } else {
    copy_blocks(c, blocks, wire_blocks_at(c, wire_at(c)), count);
    if (!check_blocks(c, blocks, first, count, checks_of_data_out(p.code))) return;
  }
  write_blocks(c, &stored);
}

void fill(Command& c) {
  Protected& p = protected_access(c);
  p.part = std::min(left(c), p.room);
  if (p.offload) return receive_part(c, &put);
  receive(c, on_wire(c, c.core.done), on_wire(c, p.part), &put, p.code != 0 ? wire_at(c) : 0);
}

// As of WRITE without information: whole blocks of what comes are written, if the initiator announces fewer.
bool part_is_welcome(Command& c, std::uint64_t bytes) {
  if (bytes % protected_access(c).wire_block == 0 && c.direction != DataDirection::kIn) return true;
  finish(c, Outcome::check(kInvalidFieldInCommandInformationUnit));
  return false;
}

void start(Command& c, bool fua, bool verify) {
  Protected& p = protected_access(c);
  c.core.length = on_wire(c, p.length);
  const std::uint64_t bytes = transferable(c);
  if (bytes != c.core.length && !part_is_welcome(c, bytes)) return;
  p.length = bytes / p.wire_block << c.core.lu->block_shift();
  if (p.length == 0) return finish(c);
  p.room = std::min(p.length, kProtectedPart);
  p.stable = server(c).volatile_cache() && (verify || must_be_stable(c, fua));
  p.offload = offloaded(c, bytes);
  const std::uint64_t beside = (p.code != 0 && !p.offload) || verify ? with_information(c, p.room) : 0;
  take_buffers(c, with_information(c, p.room) + beside, &fill);
}

}  // namespace

void protected_write(Command& c) {
  if (begin_protected(c, server(c).limits().transfer)) start(c, cdb::Fua::get(protected_flags(c)), false);
}

// Its limit is one part: all of it is received and checked before any of it is written.
void protected_write_atomic(Command& c) {
  if (!begin_protected(c, server(c).limits().atomic)) return;
  c.core.length = on_wire(c, access(c).length);
  if (all_data_announced(c)) start(c, cdb::Fua::get(protected_flags(c)), false);
}

void protected_write_and_verify(Command& c) {
  const std::uint8_t check = cdb::BytChk::get(protected_flags(c));
  if (check >= 2) return finish(c, Outcome::invalid_cdb_field(protected_flags_at(c), cdb::BytChk::kHi));
  if (!begin_protected(c, server(c).limits().transfer)) return;
  access(c).check = check;
  start(c, false, true);
}

}  // namespace scsi::disk
