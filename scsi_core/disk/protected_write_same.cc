// WRITE SAME(10), (16), (32) of protected blocks. Unmapped blocks, and those of NDOB = 1, are not checked: all ones.
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/protected.h"

namespace scsi::disk {
namespace {

bool unmaps(const Command& c) { return cdb::UnmapBit::get(protected_flags(c)); }

bool without_data(const Command& c) { return c.core.row->length >= 16 && cdb::Ndob::get(protected_flags(c)); }

void done(Command& c) {
  if (store_ok(c)) finish(c);
}

void clear_data(Command& c) {
  if (!store_ok(c)) return;  // of the information
  const Protected& p = protected_access(c);
  store(c, unmaps(c) ? StoreOp::kUnmap : StoreOp::kWriteZeroes, p.offset, p.length, p.stable, &done);
}

// Information first: zeroes without it are not checked, with the old one they would be found wrong.
void clear(Command& c) {
  const Protected& p = protected_access(c);
  const StoreOp op = unmaps(c) ? StoreOp::kUnmap : StoreOp::kWriteZeroes;
  store_protection(c, op, {p.lba, blocks_in(c, p.length)}, p.stable, &clear_data);
}

void next(Command& c);

void written(Command& c) {
  c.core.done += access(c).part;
  if (left(c) == 0) return finish(c);
  next(c);
}

// The first block's information stays behind the parts, as it was sent or generated.
void next(Command& c) {
  Protected& p = protected_access(c);
  p.part = std::min(left(c), p.room);
  const Blocks blocks = blocks_at(c, 0);
  const ProtectionTuple first = tuple_of(c, wire_blocks_at(c, wire_at(c)), 0);
  const std::uint64_t before = blocks_in(c, c.core.done);
  for (std::uint64_t i = 0; i < blocks_in(c, p.part); ++i) {
    const ProtectionTuple tuple = p.code != 0 ? repeated(first, p.expected.type, before + i)
                                              : generated(first.guard, p.expected.type, p.owned, p.lba + before + i);
    put_tuple(c, blocks, i, tuple);
  }
  write_blocks(c, &written);
}

void received(Command& c) {
  const Protected& p = protected_access(c);
  const Blocks sent = wire_blocks_at(c, wire_at(c));
  if (p.code == 0) {
    put_tuple(c, sent, 0, {guard_in(c, sent, 0), 0, 0});
  } else if (!check_blocks(c, sent, 0, 1, checks_of_data_out(p.code))) {
    return;
  }
  if (unmaps(c)) return clear(c);
  repeat(c, sent.data, block_size(c), 0, p.room);
  next(c);
}

void receive_block(Command& c) { receive(c, 0, protected_access(c).wire_block, &received, wire_at(c)); }

}  // namespace

void protected_write_same(Command& c) {
  const std::uint64_t capacity = c.core.lu->blocks.load(std::memory_order_relaxed);
  Extent e = c.core.extent;
  const bool to_end = e.blocks == ~std::uint64_t{0} - e.lba;  // WSNZ = 0: no blocks means all that follow
  if (to_end && e.lba < capacity) e.blocks = capacity - e.lba;
  if (!begin_protected(c, e, server(c).limits().write_same)) return;
  Protected& p = protected_access(c);
  p.stable = server(c).volatile_cache() && must_be_stable(c, false);
  c.core.length = without_data(c) ? 0 : p.wire_block;
  if (c.core.length != 0 && (c.expected_length != c.core.length || transferable(c) != c.core.length)) {
    return finish(c, Outcome::check(kInvalidFieldInCommandInformationUnit));
  }
  if (p.length == 0) return finish(c);
  if (without_data(c)) return clear(c);
  take_buffers(c, wire_at(c) + with_information(c, block_size(c)), &receive_block);
}

}  // namespace scsi::disk
