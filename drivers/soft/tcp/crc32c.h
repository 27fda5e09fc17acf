// iSCSI digests: CRC32C (RFC 7143 13.1) at the speed of the instruction set, by ISA-L.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/endian.h"

namespace soft::tcp {

class Crc32c {
 public:
  void add(std::span<const std::byte> bytes);
  // As the digest stands on the wire.
  base::le32 digest() const { return ~state_; }

 private:
  std::uint32_t state_ = 0xffffffff;
};

}  // namespace soft::tcp
