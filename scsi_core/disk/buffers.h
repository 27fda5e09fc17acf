// Work on the bytes in a command's segments, which are one run of bytes cut into pieces. Places count from its start.
#pragma once

#include <cstdint>
#include <span>

#include "scsi_core/command.h"

namespace scsi::disk {

inline std::span<const hal::DmaSpan> segments(const Command& c) {
  return {c.core.segments.data(), c.core.segment_count};
}
void copy(const Command& c, std::uint64_t to, std::uint64_t from, std::uint64_t length);  // not overlapping
void invert(const Command& c, std::uint64_t at, std::uint64_t length);                    // every bit
// Offset of the first byte in which the runs at `left` and `right` differ; `length` when they are equal.
std::uint64_t first_difference(const Command& c, std::uint64_t left, std::uint64_t right, std::uint64_t length);
void or_into(const Command& c, std::uint64_t to, std::uint64_t from, std::uint64_t length);
// Fills [to, to + length) with copies of the `period` bytes at `from`.
void repeat(const Command& c, std::uint64_t from, std::uint64_t period, std::uint64_t to, std::uint64_t length);
bool all_zero(const Command& c, std::uint64_t at, std::uint64_t length);

}  // namespace scsi::disk
