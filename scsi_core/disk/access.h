// What the commands that touch logical blocks have in common: admission, place on the medium, what must be stable.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scsi_core/disk/cdb.h"
#include "scsi_core/disk/disk.h"
#include "scsi_core/engine/task_set.h"
#include "scsi_core/execution.h"
#include "scsi_core/sense_codes.h"

namespace scsi::disk {

// Buffers are taken in parts of this size; half of it where a command needs the data and the medium side by side.
inline constexpr std::uint64_t kPart = std::uint64_t{1} << 20;

// A medium access command at work; in its scratch.
struct Access {
  std::uint64_t offset = 0;    // bytes: where it begins on the medium
  std::uint64_t length = 0;    // bytes of the medium that it covers
  std::uint64_t part = 0;      // bytes of the step at hand; core.done counts those that are finished
  std::uint32_t segments = 0;  // lent
  StoreStatus status = StoreStatus::kGood;
  bool stable = false;     // must be on stable storage before GOOD; reading: must come from there
  std::uint8_t check = 0;  // BYTCHK
};

template <class Cdb>
const Cdb& wire(const Command& c) {
  static_assert(alignof(Cdb) == 1);
  return *reinterpret_cast<const Cdb*>(c.cdb.data());
}
inline Access& access(Command& c) { return c.scratch_as<Access>(); }
inline std::uint8_t flags(const Command& c) { return c.cdb[1]; }

inline std::uint64_t block_size(const Command& c) { return std::uint64_t{1} << c.core.lu->block_shift(); }
// Rounds bytes up to whole blocks.
inline std::uint64_t whole_blocks(const Command& c, std::uint64_t bytes) {
  return (bytes + block_size(c) - 1) & ~(block_size(c) - 1);
}
inline std::uint64_t left(Command& c) { return access(c).length - c.core.done; }

// LOGICAL BLOCK ADDRESS OUT OF RANGE with the first address that does not exist, or GOOD. Cannot wrap.
inline bool in_range(std::uint64_t capacity, std::uint64_t lba, std::uint64_t blocks) {
  return lba <= capacity && blocks <= capacity - lba;
}
Outcome out_of_range(std::uint64_t capacity, std::uint64_t lba);
// Where the CDB says how many blocks: the field that a length error points at.
std::uint16_t length_field(const Command& c);

// Ends of commands that are kept out of line, so that the path of a READ or WRITE builds no Outcome.
void good(Command& c);
void refuse_range(Command& c, const Extent& e);
void refuse_length(Command& c);

// Checks the extent against the capacity and `limit`; false: the command has been ended. LBA errors go first.
inline bool admit(Command& c, const Extent& e, std::uint64_t limit) {
  const std::uint64_t capacity = c.core.lu->blocks.load(std::memory_order_relaxed);
  if (!in_range(capacity, e.lba, e.blocks)) [[unlikely]] {
    refuse_range(c, e);
    return false;
  }
  if (e.blocks > limit) [[unlikely]] {
    refuse_length(c);
    return false;
  }
  return true;
}
inline bool admit(Command& c, std::uint64_t limit) { return admit(c, c.core.extent, limit); }

// GOOD may precede stability only with WCE = 1 and FUA = 0.
inline bool must_be_stable(const Command& c, bool fua) {
  return fua || (c.core.lu->flags.load(std::memory_order_relaxed) & kLuWriteCache) == 0;
}

StoreChannel* open_channel(Command& c);
// The backstore's channel of this reactor; null: it cannot be opened, and the command has been ended.
inline StoreChannel* channel(Command& c) {
  StoreChannel* const open = c.core.shard->channel_if_open();
  return open != nullptr ? open : open_channel(c);
}

// Makes the data and the protection information of an extent stable; no blocks mean all. Uses the scratch; `then` asks
// store_ok().
void flush_medium(Command& c, const Extent& e, Step then);

// What the initiator sends must be all that the CDB asks for: comparing or writing a part of it would be no answer.
// False: the command has been ended.
bool all_data_announced(Command& c);

}  // namespace scsi::disk
