// The area of zeros.
#include "scsi_core/backstores/zero_area.h"

#include <sys/mman.h>

#include <algorithm>

namespace scsi {
namespace {

constexpr std::size_t kSize = std::size_t{256} << 10;  // small enough to stay in a core's cache

base::Result<hal::MemoryRegion> make_area() {
  auto made = TRY(hal::MemoryRegion::create("outboard-zeros", kSize, hal::MemoryRegion::Pages::kPlain));
  mprotect(made.bytes().data(), kSize, PROT_READ);  // who writes into it has a bug: let it show at once
  return made;
}

}  // namespace

std::span<std::byte> zero_area() {
  static const base::Result<hal::MemoryRegion> area = make_area();
  return area.has_value() ? area->bytes() : std::span<std::byte>();
}

std::uint64_t lend_zeros(std::uint64_t length, std::span<hal::DmaSpan> out, std::uint32_t& segments) {
  const std::span<std::byte> area = zero_area();
  if (area.empty()) return 0;
  std::uint64_t covered = 0;
  while (covered < length && segments < out.size()) {
    const std::size_t part = std::min<std::uint64_t>(length - covered, area.size());
    out[segments++] = {area.first(part), hal::Iova{reinterpret_cast<std::uintptr_t>(area.data())}};
    covered += part;
  }
  return covered;
}

}  // namespace scsi
