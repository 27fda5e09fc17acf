// Errors of medium access commands.
#include "scsi_core/disk/access.h"

namespace scsi::disk {

Outcome out_of_range(std::uint64_t capacity, std::uint64_t lba) {
  return Outcome::check(kLogicalBlockAddressOutOfRange, std::max(lba, capacity));
}

std::uint16_t length_field(const Command& c) {
  switch (c.core.row->length) {
    case 6:
      return offsetof(cdb::ReadWrite6, transfer_length);
    case 10:
      return offsetof(cdb::Medium10, transfer_length);
    case 12:
      return offsetof(cdb::Medium12, transfer_length);
    case 32:
      return offsetof(cdb::Medium32, transfer_length);
    default:
      break;
  }
  switch (c.cdb[0]) {
    case 0x89:
      return offsetof(cdb::CompareAndWrite, number_of_logical_blocks);
    case 0x9c:
      return offsetof(cdb::WriteAtomic16, transfer_length);
    default:
      return offsetof(cdb::Medium16, transfer_length);
  }
}

void good(Command& c) { finish(c); }

void refuse_range(Command& c, const Extent& e) {
  finish(c, out_of_range(c.core.lu->blocks.load(std::memory_order_relaxed), e.lba));
}

void refuse_length(Command& c) { finish(c, Outcome::invalid_cdb_field(length_field(c))); }

StoreChannel* open_channel(Command& c) {
  const auto opened = c.core.shard->channel();
  if (opened) return *opened;
  finish(c, Outcome::check(kLogicalUnitFailure));
  return nullptr;
}

void flush_medium(Command& c, const Extent& e, Step then) {
  struct Flushing {
    Extent extent;
    Step then;
  };
  const std::uint32_t shift = c.core.lu->block_shift();
  if (server(c).protection_type() == 0) {
    return store(c, StoreOp::kFlush, e.lba << shift, e.blocks << shift, false, then);
  }
  c.scratch_as<Flushing>() = {e, then};
  store(c, StoreOp::kFlush, e.lba << shift, e.blocks << shift, false, [](Command& at) {
    if (!store_ok(at)) return;
    const Flushing& flushing = at.scratch_as<Flushing>();
    store_protection(at, StoreOp::kFlush, flushing.extent, false, flushing.then);
  });
}

bool all_data_announced(Command& c) {
  if (transferable(c) == c.core.length) return true;
  finish(c, Outcome::check(kInvalidFieldInCommandInformationUnit));
  return false;
}

}  // namespace scsi::disk
