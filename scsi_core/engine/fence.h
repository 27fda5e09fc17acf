// What a command that must not run beside others tells all shards of its logical unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "scsi_core/command.h"

namespace scsi {

struct FenceId {  // unique in a logical unit
  std::size_t shard = 0;
  std::uint64_t number = 0;
  bool operator==(const FenceId&) const = default;
};

struct FenceRequest {
  FenceId id;
  bool ordered = false;        // ORDERED: all older commands first, all newer ones later
  bool exclusive = false;      // nothing that overlaps `extent` beside it
  bool head_of_queue = false;  // does not wait for ORDERED
  Extent extent;               // what the command touches; empty: no medium
};

}  // namespace scsi
