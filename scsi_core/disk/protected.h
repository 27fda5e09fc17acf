// What the commands share that touch logical blocks with protection information.
//
// At the port, a block with information is its data and eight bytes behind it; in the buffers and on the medium the two
// are apart. Buffers: the data of a part, its information, and behind both what a command has beside (wire_at). With a
// code (RDPROTECT and its kin) of 000b the port knows nothing of it, and its data is moved where it lies.
//
// Reading and writing are two steps each, so that these commands hold their blocks (their opcode rows say so).
#pragma once

#include <cstdint>

#include "scsi_core/disk/access.h"
#include "scsi_core/disk/protection.h"

namespace scsi::disk {

inline constexpr std::uint64_t kProtectedPart = std::uint64_t{256} << 10;  // bytes of data

// In the command's scratch; the first part is access().
struct Protected : Access {
  std::uint64_t lba = 0;         // of the first block
  std::uint64_t room = 0;        // bytes of data of the largest part
  std::uint32_t wire_block = 0;  // bytes of a block at the port
  Expectation expected;
  std::uint8_t code = 0;  // RDPROTECT, WRPROTECT, VRPROTECT
  bool owned = false;     // ATO
  bool offload = false;   // the port does what its transfers need; there is nothing beside the blocks in the buffers
  Step then = nullptr;
};
inline Protected& protected_access(Command& c) { return c.scratch_as<Protected>(); }

// Byte 1, or what a 32-byte CDB has in its place; 0 of a 6-byte CDB.
std::uint8_t protected_flags(const Command& c);
std::uint16_t protected_flags_at(const Command& c);  // the place, for sense data
// Checks the fields and the extent, and fills the scratch. False: the command has been ended.
bool begin_protected(Command& c, const Extent& e, std::uint64_t limit);
inline bool begin_protected(Command& c, std::uint64_t limit) { return begin_protected(c, c.core.extent, limit); }

// Blocks in the buffers: where the data and the information of the first are, and how far apart those of the next.
struct Blocks {
  std::uint64_t data, data_stride, tuples, tuple_stride;
};
Blocks blocks_at(Command& c, std::uint64_t at);       // data of a part and behind it the information
Blocks wire_blocks_at(Command& c, std::uint64_t at);  // each block with its information, as the port has it
inline std::uint64_t blocks_in(const Command& c, std::uint64_t bytes) { return bytes >> c.core.lu->block_shift(); }
// Bytes that `bytes` of data and their information take in the buffers, and at the port.
inline std::uint64_t with_information(const Command& c, std::uint64_t bytes) {
  return bytes + blocks_in(c, bytes) * kProtectionBytes;
}
inline std::uint64_t on_wire(Command& c, std::uint64_t bytes) {
  return blocks_in(c, bytes) * protected_access(c).wire_block;
}
inline std::uint64_t wire_at(Command& c) { return with_information(c, protected_access(c).room); }

ProtectionTuple tuple_of(const Command& c, const Blocks& blocks, std::uint64_t index);
void put_tuple(const Command& c, const Blocks& blocks, std::uint64_t index, const ProtectionTuple& tuple);
std::uint16_t guard_in(const Command& c, const Blocks& blocks, std::uint64_t index);
void copy_blocks(const Command& c, const Blocks& to, const Blocks& from, std::uint64_t count);

// Checks `count` blocks, of which the first is `first` blocks after the command's. False: the command has been ended
// with the LBA in INFORMATION.
bool check_blocks(Command& c, const Blocks& blocks, std::uint64_t first, std::uint64_t count, Checks checks);
void generate(Command& c, const Blocks& blocks, std::uint64_t first, std::uint64_t count);

// The part at hand, from or to the medium; the information is inverted on the way. `then` runs when all was good.
void read_blocks(Command& c, std::uint64_t at, Step then);
void write_blocks(Command& c, Step then);  // from the begin of the buffers; the information there is inverted after it

// Whether the port is to insert, check and strip; `bytes`: what it moves at all.
bool offloaded(Command& c, std::uint64_t bytes);
// The part at hand, by the port: out of the begin of the buffers, or into it.
void send_part(Command& c, Step then);
void receive_part(Command& c, Step then);

}  // namespace scsi::disk
