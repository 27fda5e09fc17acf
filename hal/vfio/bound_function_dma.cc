// A function by /dev/vfio: what memory it reaches, through a type-1 IOMMU.
#include "hal/vfio/bound_function.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace hal::vfio {
namespace {

constexpr base::Logger kLog("vfio");
constexpr std::uint64_t kPage = 4096;

}  // namespace

base::Result<void> BoundFunction::enable_dma() {
  if (!no_iommu_) return PciFunction::enable_dma();
  return base::fail(base::Errc::kUnsupported, identity_.address + " is behind no IOMMU: DMA needs one");
}

base::Result<void> BoundFunction::memory_added(const RegisteredMemory& memory) {
  vfio_iommu_type1_dma_map map{};
  map.argsz = sizeof map;
  map.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
  map.vaddr = map.iova = reinterpret_cast<std::uintptr_t>(memory.bytes.data());
  map.size = (memory.bytes.size() + kPage - 1) & ~(kPage - 1);
  if (ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &map) == 0) return {};
  const int error = errno;
  std::string what =
      fmt::format("map {} bytes at {:#x} for {}", memory.bytes.size(), std::uint64_t{map.iova}, identity_.address);
  if (error == ENOMEM) what += " (the limit of locked memory, RLIMIT_MEMLOCK, may be too low)";
  if (error == EINVAL) what += " (the IOMMU may not reach addresses so high)";
  return base::fail_errno(std::move(what), error);
}

void BoundFunction::memory_removed(const RegisteredMemory& memory) {
  vfio_iommu_type1_dma_unmap unmap{};
  unmap.argsz = sizeof unmap;
  unmap.iova = reinterpret_cast<std::uintptr_t>(memory.bytes.data());
  unmap.size = (memory.bytes.size() + kPage - 1) & ~(kPage - 1);
  if (ioctl(container_.get(), VFIO_IOMMU_UNMAP_DMA, &unmap) != 0) {
    kLog.error("{}: {} bytes at {:#x} stay mapped: {}", identity_.address, std::uint64_t{unmap.size},
               std::uint64_t{unmap.iova}, std::strerror(errno));
  }
}

}  // namespace hal::vfio
