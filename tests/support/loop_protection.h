// What an adapter does with protection information (hal/protection.h), in memory: block by block, guards bit by bit.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "hal/protection.h"

namespace test_support {

struct WireFault {
  hal::ProtectionFault tuples;
  std::uint64_t block = 0;  // after the transfer's first
};

// From memory to what the wire has; or, of what the wire has, into memory. Ends at the first check that fails.
std::optional<WireFault> to_wire(const hal::ProtectionTransfer& protection, std::span<const hal::DmaSpan> data,
                                 std::vector<std::byte>& wire);
std::optional<WireFault> from_wire(const hal::ProtectionTransfer& protection, std::span<const std::byte> wire,
                                   std::span<const hal::DmaSpan> data);

}  // namespace test_support
