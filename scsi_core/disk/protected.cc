// Commands on protected blocks: their fields, their blocks in the buffers, and the way to the medium.
#include "scsi_core/disk/protected.h"

#include <array>
#include <bit>

#include "scsi_core/backstores/segments.h"
#include "scsi_core/disk/buffers.h"

namespace scsi::disk {
namespace {

constexpr std::uint8_t kAdditionalLength = 0x18;  // of a 32-byte CDB

bool is_long(const Command& c) { return c.core.row->length == sizeof(cdb::Medium32); }

std::uint64_t block_bytes(const Command& c) { return block_size(c); }

Expectation expectation(const Command& c, const Protected& p) {
  Expectation expected;
  expected.type = server(c).protection_type();
  if (expected.type == 1) expected.reference_tag = static_cast<std::uint32_t>(p.lba);
  if (expected.type != 2 || !is_long(c)) return expected;
  const auto& cdb = wire<cdb::Medium32>(c);
  expected.reference_tag = std::uint32_t{cdb.expected_initial_logical_block_reference_tag};
  if (!p.owned) return expected;
  expected.application_tag = cdb.expected_logical_block_application_tag;
  expected.application_tag_mask = cdb.logical_block_application_tag_mask;
  return expected;
}

// Type 2 has xxPROTECT in 32-byte CDBs alone (SBC-4 4.21.2.4).
bool fields_are_valid(Command& c, std::uint8_t code) {
  if (is_long(c) && wire<cdb::Medium32>(c).additional_cdb_length != kAdditionalLength) {
    finish(c, Outcome::invalid_cdb_field(offsetof(cdb::Medium32, additional_cdb_length)));
    return false;
  }
  if (code != 0 && server(c).protection_type() == 2 && !is_long(c)) {
    finish(c, Outcome::check(kInvalidCommandOperationCode));
    return false;
  }
  if (code <= kLastProtectCode) return true;
  finish(c, Outcome::invalid_cdb_field(protected_flags_at(c), cdb::Protect::kHi));
  return false;
}

Extent part_extent(Command& c) {
  const Protected& p = protected_access(c);
  return {p.lba + blocks_in(c, c.core.done), blocks_in(c, p.part)};
}

}  // namespace

std::uint8_t protected_flags(const Command& c) {
  return is_long(c) ? wire<cdb::Medium32>(c).flags : c.core.row->length == 6 ? std::uint8_t{0} : flags(c);
}

std::uint16_t protected_flags_at(const Command& c) { return is_long(c) ? offsetof(cdb::Medium32, flags) : 1; }

bool begin_protected(Command& c, const Extent& e, std::uint64_t limit) {
  const std::uint8_t code = cdb::Protect::get(protected_flags(c));
  if (!fields_are_valid(c, code) || !admit(c, e, limit)) return false;
  Protected& p = protected_access(c) = {};
  p.code = code;
  p.owned = (c.core.lu->flags.load(std::memory_order_relaxed) & kLuApplicationTagOwned) != 0;
  p.lba = e.lba;
  p.offset = e.lba << c.core.lu->block_shift();
  p.length = e.blocks << c.core.lu->block_shift();
  p.room = std::min(p.length, kProtectedPart);
  p.wire_block = static_cast<std::uint32_t>(block_size(c) + (code != 0 ? kProtectionBytes : 0));
  p.expected = expectation(c, p);
  return true;
}

Blocks blocks_at(Command& c, std::uint64_t at) {
  return {at, block_bytes(c), at + protected_access(c).room, kProtectionBytes};
}

Blocks wire_blocks_at(Command& c, std::uint64_t at) {
  const std::uint64_t stride = protected_access(c).wire_block;
  return {at, stride, at + block_bytes(c), stride};
}

ProtectionTuple tuple_of(const Command& c, const Blocks& blocks, std::uint64_t index) {
  std::array<std::byte, sizeof(ProtectionTuple)> bytes;
  copy_from_segments(segments(c), blocks.tuples + index * blocks.tuple_stride, bytes.data(), bytes.size());
  return std::bit_cast<ProtectionTuple>(bytes);
}

void put_tuple(const Command& c, const Blocks& blocks, std::uint64_t index, const ProtectionTuple& tuple) {
  const std::byte* const from = std::as_bytes(std::span(&tuple, 1)).data();
  copy_to_segments(segments(c), blocks.tuples + index * blocks.tuple_stride, from, sizeof tuple);
}

std::uint16_t guard_in(const Command& c, const Blocks& blocks, std::uint64_t index) {
  std::uint16_t guard = 0;
  for_each_part(segments(c), blocks.data + index * blocks.data_stride, block_bytes(c),
                [&](std::span<std::byte> part) { guard = guard_of(part, guard); });
  return guard;
}

void copy_blocks(const Command& c, const Blocks& to, const Blocks& from, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    copy(c, to.data + i * to.data_stride, from.data + i * from.data_stride, block_bytes(c));
    copy(c, to.tuples + i * to.tuple_stride, from.tuples + i * from.tuple_stride, kProtectionBytes);
  }
}

bool check_blocks(Command& c, const Blocks& blocks, std::uint64_t first, std::uint64_t count, Checks checks) {
  if (checks == Checks{}) return true;
  const Protected& p = protected_access(c);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint16_t guard = checks.guard ? guard_in(c, blocks, i) : std::uint16_t{0};
    const auto failed = failed_check(tuple_of(c, blocks, i), guard, p.expected, first + i, checks);
    if (!failed) continue;
    finish(c, Outcome::check(*failed, p.lba + first + i));
    return false;
  }
  return true;
}

void generate(Command& c, const Blocks& blocks, std::uint64_t first, std::uint64_t count) {
  const Protected& p = protected_access(c);
  for (std::uint64_t i = 0; i < count; ++i) {
    put_tuple(c, blocks, i, generated(guard_in(c, blocks, i), p.expected.type, p.owned, p.lba + first + i));
  }
}

namespace {

void information_read(Command& c) {
  if (!store_ok(c)) return;
  const Protected& p = protected_access(c);
  invert(c, p.segments + p.room, blocks_in(c, p.part) * kProtectionBytes);
  p.then(c);
}

void data_read(Command& c) {
  if (!store_ok(c)) return;
  const Protected& p = protected_access(c);
  store_protection(c, StoreOp::kRead, part_extent(c), p.stable, &information_read, p.segments + p.room);
}

void information_written(Command& c) {
  if (store_ok(c)) protected_access(c).then(c);
}

void data_written(Command& c) {
  if (!store_ok(c)) return;
  const Protected& p = protected_access(c);
  invert(c, p.room, blocks_in(c, p.part) * kProtectionBytes);
  store_protection(c, StoreOp::kWrite, part_extent(c), p.stable, &information_written, p.room);
}

}  // namespace

// Access::segments, which is for memory that is lent, says where the blocks go.
void read_blocks(Command& c, std::uint64_t at, Step then) {
  Protected& p = protected_access(c);
  p.then = then;
  p.segments = static_cast<std::uint32_t>(at);
  store(c, StoreOp::kRead, p.offset + c.core.done, p.part, p.stable, &data_read, at);
}

void write_blocks(Command& c, Step then) {
  Protected& p = protected_access(c);
  p.then = then;
  store(c, StoreOp::kWrite, p.offset + c.core.done, p.part, p.stable, &data_written);
}

}  // namespace scsi::disk
