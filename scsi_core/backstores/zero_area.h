// Zeros to lend and to write: one small area of memory for the whole process, which must only be read.
#pragma once

#include <cstdint>
#include <span>

#include "hal/dma.h"

namespace scsi {

// The area; made at first use, kept for ever; empty if the machine has no memory for it.
std::span<std::byte> zero_area();
// Describes `length` bytes of zeros by the area, as far as `out` from `segments` on has room; returns the bytes
// covered.
std::uint64_t lend_zeros(std::uint64_t length, std::span<hal::DmaSpan> out, std::uint32_t& segments);

}  // namespace scsi
