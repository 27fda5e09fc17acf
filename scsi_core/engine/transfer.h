// What every transfer of data begins with, whoever makes and checks its protection information.
#pragma once

#include <algorithm>
#include <span>

#include "base/check.h"
#include "scsi_core/engine/router.h"

namespace scsi {

inline void note(Command& command, CommandEvent event, std::uint64_t detail) {
  const base::Time now = router_of(command).reactor().now();
  command.core.step_at = now;
  command.core.audit.add(now, event, static_cast<std::uint32_t>(detail));
}

// `length` bytes of the command's segments from byte `at` on, into `out`.
inline std::span<const hal::DmaSpan> cut_segments(const CoreState& core, std::uint64_t at, std::uint64_t length,
                                                  std::span<hal::DmaSpan> out) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < core.segment_count && length > 0; ++i) {
    const hal::DmaSpan& segment = core.segments[i];
    if (at >= segment.bytes.size()) {
      at -= segment.bytes.size();
      continue;
    }
    const std::uint64_t take = std::min<std::uint64_t>(length, segment.bytes.size() - at);
    CHECK(count < out.size());
    out[count++] = segment.subspan(at, take);
    at = 0;
    length -= take;
  }
  CHECK(length == 0);
  return out.first(count);
}

inline void enter_transfer(Command& command, CommandState state, CommandEvent event, std::uint64_t length) {
  CoreState& core = command.core;
  core.state = state;
  core.transfer_length = length;
  ++core.transfers_out;
  note(command, event, length);
}

}  // namespace scsi
