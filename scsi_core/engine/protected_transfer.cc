// Transfers whose protection information is the port's affair.
#include <algorithm>

#include "base/check.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/execution.h"

namespace scsi {
namespace {

// `length` bytes of the segments from byte `at` on.
template <std::size_t N>
std::span<const hal::DmaSpan> cut(const CoreState& core, std::uint64_t at, std::uint64_t length,
                                  std::array<hal::DmaSpan, N>& out) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < core.segment_count && length > 0; ++i) {
    const hal::DmaSpan& segment = core.segments[i];
    if (at >= segment.bytes.size()) {
      at -= segment.bytes.size();
      continue;
    }
    const std::uint64_t take = std::min<std::uint64_t>(length, segment.bytes.size() - at);
    CHECK(count < N);
    out[count++] = segment.subspan(at, take);
    at = 0;
    length -= take;
  }
  CHECK(length == 0);
  return {out.data(), count};
}

Transfer begin(Command& command, CommandState state, CommandEvent event, const ProtectedMove& move,
               const hal::ProtectionTransfer& protection) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive && move.offset + move.length <= transferable(command));
  core.state = state;
  core.transfer_length = move.length;
  ++core.transfers_out;
  core.step_at = router_of(command).reactor().now();
  core.audit.add(core.step_at, event, static_cast<std::uint32_t>(move.length));
  core.protection = protection;
  core.protection.segments = cut(core, move.information_at, move.information_length, core.information);
  return {cut(core, move.data_at, move.data_length, core.window), move.offset, move.length, core.status_sent,
          &core.protection};
}

void data_in(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection) {
  command.nexus->port.send_data_in(command,
                                   begin(command, CommandState::kDataIn, CommandEvent::kDataInAsked, move, protection));
}

}  // namespace

void send_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection, Step then) {
  command.core.next = then;
  data_in(command, move, protection);
}

void send_last_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection) {
  respond_good(command);
  command.core.status_sent = true;
  data_in(command, move, protection);
}

void receive_protected(Command& command, const ProtectedMove& move, const hal::ProtectionTransfer& protection,
                       Step then) {
  command.core.next = then;
  command.nexus->port.receive_data_out(
      command, begin(command, CommandState::kDataOut, CommandEvent::kDataOutAsked, move, protection));
}

}  // namespace scsi
