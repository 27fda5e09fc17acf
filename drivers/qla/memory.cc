// Lays out the memory that a port shares with its adapter.
#include "drivers/qla/memory.h"

namespace qla {

base::Result<Memory> Memory::create(std::uint32_t exchanges, std::size_t ports) {
  std::size_t size = 0;
  const auto take = [&size](std::size_t bytes) {
    const std::size_t at = size;
    size += (bytes + 4095) & ~std::size_t{4095};
    return at;
  };
  const std::size_t request = take(kRequestEntries * 64 + kShadowBytes);
  const std::size_t response = take(kResponseEntries * 64 + kShadowBytes);
  const std::size_t atio = take(kAtioEntries * 64), block = take(kBlockBytes);
  const std::size_t ct = take(2 * ports * hal::fc::FcPort::kMaxCt * kCtBytes);
  const std::size_t response_ius = take(exchanges * kResponseIuBytes);
  Memory memory(TRY(hal::MemoryRegion::create("outboard-qla", size, hal::MemoryRegion::Pages::kPlain)));
  memory.request_ = request;
  memory.response_ = response;
  memory.atio_ = atio;
  memory.block_ = block;
  memory.ct_ = ct;
  memory.response_ius_ = response_ius;
  return memory;
}

}  // namespace qla
