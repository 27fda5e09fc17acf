// What a handler can do with a command. Each step ends in exactly one of these calls; the engine ends the command by
// itself when it was aborted or a transfer failed in between, so handlers are written as if neither happened.
//
//   void read(Command& c)  { ... lend or take_buffers(c, length, &fetch); }
//   void fetch(Command& c) { store(c, StoreOp::kRead, offset, length, false, &deliver); }
//   void deliver(Command& c) { if (!store_ok(c)) return; send_last(c, offset, length); }
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "scsi_core/command.h"
#include "scsi_core/device_server.h"
#include "scsi_core/sense.h"

namespace scsi {

// --- ends ---

// Sends the status. The residual is computed from core.length and expected_length by SPC/SAM rules.
void finish(Command& command, const Outcome& outcome = Outcome::good());
// Sends `data` (already cut to ALLOCATION LENGTH; at most 256 KiB; copied) as Data-In with GOOD; core.length becomes
// data.size(), so that a shorter EXPECTED LENGTH cuts it and shows as overflow, a longer one as underflow.
// BUSY when there is no memory at all.
void reply(Command& command, std::span<const std::byte> data);
// Data-In of `length` bytes at `offset` of the data buffer, with GOOD: the last transfer.
void send_last(Command& command, std::uint64_t offset, std::uint64_t length, std::uint64_t segments_at = 0);

// --- steps ---

// Fills core.segments with pool memory for `length` bytes (at most what kMaxSegments of the largest buffer hold), waits
// for it if need be, then calls `then`. Freed when the command ends or by release_buffers. The segments' sizes add up
// to `length`.
void take_buffers(Command& command, std::uint64_t length, Step then);
void give_back_buffers(Command& command);
inline void release_buffers(Command& command) {
  if (command.core.pool_segments) give_back_buffers(command);
  command.core.segment_count = 0;
}
// The calls that move data use `length` bytes of the segments, from their byte `segments_at` on. `offset` is the place
// in the command's data buffer; what lies beyond transferable() is not moved.
// Data-In, more to come.
void send(Command& command, std::uint64_t offset, std::uint64_t length, Step then, std::uint64_t segments_at = 0);
// Data-Out.
void receive(Command& command, std::uint64_t offset, std::uint64_t length, Step then, std::uint64_t segments_at = 0);
// The same by a port that offloads protection information: whole blocks, data and information apart in the segments.
struct ProtectedMove {
  std::uint64_t offset = 0, length = 0;        // at the port
  std::uint64_t data_at = 0, data_length = 0;  // in the segments
  std::uint64_t information_at = 0, information_length = 0;
};
void send_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection, Step then);
void send_last_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection);
void receive_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection,
                       Step then);
// The backstore's answer is in core.store when `then` runs.
void store(Command& command, StoreOp op, std::uint64_t byte_offset, std::uint64_t length, bool fua, Step then,
           std::uint64_t segments_at = 0);
// The same with the protection information of the blocks of `extent`; only where Backstore::protection() is not null.
void store_protection(Command& command, StoreOp op, const Extent& extent, bool fua, Step then,
                      std::uint64_t segments_at = 0);
// Receives a parameter list of `length` bytes (from the CDB) into segments[0]; `then` reads it with parameters(). Ends
// the command with PARAMETER LIST LENGTH ERROR when the initiator announced fewer bytes, or `length` > 64 KiB.
void receive_parameters(Command& command, std::uint32_t length, Step then);
std::span<const std::byte> parameters(const Command& command);
// Runs `work` on the logical unit's home reactor, where device-server state that all nexuses share may be touched, then
// `then` on the command's own. `work` must not call any function of this header but fail_at_home.
void at_home(Command& command, Step work, Step then);
void fail_at_home(Command& command, const Outcome& outcome);  // `then` is not called, the command ends so
// The same for work that needs answers from other reactors or the disk: it is over when home_done (or fail_at_home) is
// called on the home reactor, once. `work` starts it and returns.
void at_home_async(Command& command, Step work, Step then);
void home_done(Command& command);
// Calls `then` later, from the poll loop: breaks recursion in handlers that loop.
void yield(Command& command, Step then);

// --- helpers ---

// True if the backstore answered kGood; otherwise ends the command with the right sense data (INFORMATION = LBA).
bool store_ok(Command& command);
// Bytes of the data buffer that may really be moved: min(core.length, expected_length), 0 for the wrong direction.
inline std::uint64_t transferable(const Command& command) {
  const CoreState& core = command.core;
  if (command.direction != core.row->direction) return 0;
  return std::min(core.length, command.expected_length);
}
// REQUEST SENSE: the most severe unit attention condition of the I_T_L nexus; it counts as reported.
std::optional<SenseCode> take_unit_attention(Command& command);
// REPORT LUNS: clears REPORTED LUNS DATA HAS CHANGED for the whole I_T nexus (SAM-5 5.14).
void clear_reported_luns_changed(Command& command);

}  // namespace scsi
