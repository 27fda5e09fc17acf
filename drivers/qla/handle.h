// Handles of queue entries: which slot of ours an answer belongs to, and whether that slot still waits for it.
#pragma once

#include <cstdint>

#include "base/bits.h"

namespace qla {

enum class HandleKind : std::uint8_t {
  kData,     // CTIO of a transfer: slot of an exchange, part is the place in its transfers
  kEnd,      // CTIO that ends an exchange
  kControl,  // slot of Control
  kStray,    // nobody waits for the answer
};

// The generation is counted up when a slot is used again, so that a late or repeated answer shows as one.
struct Handle {
  using Kind = base::Bits<std::uint32_t, 31, 30, HandleKind>;
  using Generation = base::Bits<std::uint32_t, 29, 16>;
  using Part = base::Bits<std::uint32_t, 15, 13>;
  using Slot = base::Bits<std::uint32_t, 12, 0>;
  static constexpr std::uint32_t kSlots = 0x1fff;  // one less than fit: no handle equals wire::kMarkerNoReply

  std::uint32_t raw = 0;

  static Handle make(HandleKind kind, std::uint32_t slot, std::uint32_t generation, std::uint32_t part = 0) {
    return {Kind::of(kind) | Generation::of(generation) | Part::of(part) | Slot::of(slot)};
  }
  bool operator==(const Handle&) const = default;
  HandleKind kind() const { return Kind::get(raw); }
  std::uint32_t slot() const { return Slot::get(raw); }
  std::uint32_t part() const { return Part::get(raw); }
  bool of_generation(std::uint32_t generation) const {
    return Generation::get(raw) == (generation & (Generation::kMask >> Generation::kLo));
  }
};

}  // namespace qla
