// CRC32C over ISA-L.
#include "drivers/soft/tcp/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace soft::tcp {

void Crc32c::add(std::span<const std::byte> bytes) {
  // ISA-L takes a length of int and, for history's sake, a pointer to mutable bytes that it only reads.
  while (!bytes.empty()) {
    const std::size_t part = std::min<std::size_t>(bytes.size(), std::size_t{1} << 30);
    auto* const data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
    state_ = crc32_iscsi(data, static_cast<int>(part), state_);
    bytes = bytes.subspan(part);
  }
}

}  // namespace soft::tcp
