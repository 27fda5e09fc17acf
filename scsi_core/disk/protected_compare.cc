// COMPARE AND WRITE of protected blocks: the user data is compared; the information of both instances is checked.
//
// Buffers: the medium's blocks, later those to be written; behind them what the initiator sent: what to compare with,
// then what to write.
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/protected.h"

namespace scsi::disk {
namespace {

std::uint64_t to_write_at(Command& c) { return wire_at(c) + on_wire(c, access(c).length); }

void written(Command& c) { finish(c); }

void compare(Command& c) {
  const Protected& p = protected_access(c);
  const std::uint64_t count = blocks_in(c, p.length);
  const Blocks medium = blocks_at(c, 0), expected = wire_blocks_at(c, wire_at(c));
  if (!check_blocks(c, medium, 0, count, checks_of_compared(p.code))) return;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at =
        first_difference(c, expected.data + i * expected.data_stride, i * medium.data_stride, block_size(c));
    if (at != block_size(c)) return finish(c, Outcome::check(kMiscompareDuringVerify, i * p.wire_block + at));
  }
  const Blocks sent = wire_blocks_at(c, to_write_at(c));
  if (p.code != 0) {
    copy_blocks(c, medium, sent, count);
  } else {
    copy(c, 0, sent.data, p.length);
    generate(c, medium, 0, count);
  }
  write_blocks(c, &written);
}

void received(Command& c) {
  const Protected& p = protected_access(c);
  const std::uint64_t count = blocks_in(c, p.length);
  for (const std::uint64_t at : {wire_at(c), to_write_at(c)}) {
    if (!check_blocks(c, wire_blocks_at(c, at), 0, count, checks_of_data_out(p.code))) return;
  }
  read_blocks(c, 0, &compare);
}

void receive_both(Command& c) { receive(c, 0, 2 * on_wire(c, access(c).length), &received, wire_at(c)); }

}  // namespace

void protected_compare_and_write(Command& c) {
  if (!begin_protected(c, server(c).limits().compare_and_write)) return;
  Protected& p = protected_access(c);
  p.part = p.room = p.length;
  p.stable = server(c).volatile_cache() && must_be_stable(c, cdb::Fua::get(protected_flags(c)));
  c.core.length = 2 * on_wire(c, p.length);
  // Data of another length was meant for another number of blocks.
  if (c.expected_length != c.core.length || transferable(c) != c.core.length) {
    return finish(c, Outcome::invalid_cdb_field(length_field(c)));
  }
  if (p.length == 0) return finish(c);
  take_buffers(c, wire_at(c) + 2 * on_wire(c, p.length), &receive_both);
}

}  // namespace scsi::disk
