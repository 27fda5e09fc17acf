// T10 protection information (SBC-4 4.21) of one transfer, said to a port whose adapter makes, checks and removes it.
//
// Data and information lie apart in memory; at the port, each block is followed by its eight bytes or is alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/endian.h"
#include "hal/dma.h"

namespace hal {

struct ProtectionTuple {  // of one block, as it is at the port and on the medium
  base::be16 guard;
  base::be16 application;  // tag
  base::be32 reference;    // tag
  bool operator==(const ProtectionTuple&) const = default;
};
static_assert(sizeof(ProtectionTuple) == 8 && alignof(ProtectionTuple) == 1);

struct ProtectionTransfer {
  enum class Mode : std::uint8_t {
    kInsert,  // to memory: alone at the port; the adapter makes the information
    kStrip,   // from memory: alone at the port; what memory has is checked
    kPass,    // both have it; checked on its way
  };
  Mode mode = Mode::kPass;
  bool check_guard = false, check_application = false, check_reference = false;
  bool counts = true;              // the reference tag of each block is one more
  bool escape_is_of_both = false;  // not checked: FFFFh and FFFFFFFFh in the tags (type 3); else FFFFh alone
  std::uint16_t application_tag = 0, application_tag_mask = 0;
  std::uint32_t reference_tag = 0;         // of the first block
  std::uint32_t block_size = 512;          // bytes of data
  std::uint64_t lba = 0;                   // of the first block; for who tells what failed
  std::span<const DmaSpan> segments = {};  // of the information; stay in place, the array too, until the answer
};

struct ProtectionFault {
  ProtectionTuple actual, expected;
};

}  // namespace hal
