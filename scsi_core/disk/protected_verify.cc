// VERIFY(10), (12), (16), (32) of protected blocks.
//
// Buffers: the medium's blocks, and behind them (wire_at) what the initiator sent, as it was sent.
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/protected.h"

namespace scsi::disk {
namespace {

constexpr std::uint8_t kMediumOnly = 0, kCompareAll = 1, kCompareEach = 3;

void next(Command& c);

// The initiator's block for the `index`th of the part.
Blocks counterpart(Command& c, std::uint64_t index) {
  Blocks blocks = wire_blocks_at(c, wire_at(c));
  if (access(c).check == kCompareEach) return blocks;
  blocks.data += index * blocks.data_stride;
  blocks.tuples += index * blocks.tuple_stride;
  return blocks;
}

std::optional<SenseCode> differing_field(const ProtectionTuple& a, const ProtectionTuple& b, Checks fields) {
  const auto of = [](SenseCode code) { return SenseCode{SenseKey::kMiscompare, code.asc, code.ascq}; };
  if (fields.guard && a.guard != b.guard) return of(kLogicalBlockGuardCheckFailed);
  if (fields.application && a.application != b.application) {
    return of(kLogicalBlockApplicationTagCheckFailed);
  }
  if (fields.reference && a.reference != b.reference) {
    return of(kLogicalBlockReferenceTagCheckFailed);
  }
  return std::nullopt;
}

// INFORMATION: of data, the offset in what the initiator sent; of protection information, the LBA.
bool same(Command& c, std::uint64_t index) {
  const Protected& p = protected_access(c);
  const Blocks medium = blocks_at(c, 0), sent = counterpart(c, index);
  const std::uint64_t before = blocks_in(c, c.core.done) + index;
  const std::uint64_t at = first_difference(c, sent.data, medium.data + index * medium.data_stride, block_size(c));
  if (at != block_size(c)) {
    const std::uint64_t block = p.check == kCompareAll ? before * p.wire_block : 0;
    finish(c, Outcome::check(kMiscompareDuringVerify, block + at));
    return false;
  }
  if (p.code == 0) return true;
  ProtectionTuple tuple = tuple_of(c, sent, 0);
  if (p.check == kCompareEach) tuple = repeated(tuple, p.expected.type, before);
  const Checks fields = compared_fields(p.code, p.expected.type, p.owned);
  const auto differs = differing_field(tuple, tuple_of(c, medium, index), fields);
  if (!differs) return true;
  finish(c, Outcome::check(*differs, p.lba + before));
  return false;
}

void medium_read(Command& c) {
  const Protected& p = protected_access(c);
  const std::uint64_t count = blocks_in(c, p.part), first = blocks_in(c, c.core.done);
  const Checks checks = p.check == kMediumOnly ? checks_of_medium(p.code) : checks_of_compared(p.code);
  if (!check_blocks(c, blocks_at(c, 0), first, count, checks)) return;
  for (std::uint64_t i = 0; p.check != kMediumOnly && i < count; ++i) {
    if (!same(c, i)) return;
  }
  c.core.done += p.part;
  if (left(c) == 0) return finish(c);
  next(c);
}

void data_received(Command& c) {
  const Protected& p = protected_access(c);
  const std::uint64_t count = p.check == kCompareEach ? 1 : blocks_in(c, p.part);
  const Checks checks = checks_of_data_out(p.code);
  if (!check_blocks(c, wire_blocks_at(c, wire_at(c)), blocks_in(c, c.core.done), count, checks)) return;
  read_blocks(c, 0, &medium_read);
}

void next(Command& c) {
  Protected& p = protected_access(c);
  p.part = std::min(left(c), p.room);
  const bool first = c.core.done == 0;
  if (p.check == kCompareAll)
    return receive(c, on_wire(c, c.core.done), on_wire(c, p.part), &data_received, wire_at(c));
  if (p.check == kCompareEach && first) return receive(c, 0, p.wire_block, &data_received, wire_at(c));
  read_blocks(c, 0, &medium_read);
}

}  // namespace

void protected_verify(Command& c) {
  const std::uint8_t check = cdb::BytChk::get(protected_flags(c));
  if (check == 2) return finish(c, Outcome::invalid_cdb_field(protected_flags_at(c), cdb::BytChk::kHi));
  if (!begin_protected(c, server(c).limits().transfer)) return;
  Protected& p = protected_access(c);
  p.check = check;
  p.stable = server(c).volatile_cache();
  const std::uint64_t sent = check == kMediumOnly   ? 0
                             : check == kCompareAll ? p.length
                                                    : std::min(p.length, block_size(c));
  c.core.length = on_wire(c, sent);
  if (!all_data_announced(c)) return;
  if (p.length == 0) return finish(c);
  take_buffers(c, with_information(c, p.room) + on_wire(c, std::min(sent, p.room)), &next);
}

}  // namespace scsi::disk
