// How far a medium is that is being made: written by who makes it, on a worker; read by anybody.
#pragma once

#include <atomic>
#include <cstdint>

namespace scsi {

struct Filling {  // bytes
  std::atomic<std::uint64_t> done{0}, of{0};
};

}  // namespace scsi
