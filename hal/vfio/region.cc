// Regions of a vfio device: VFIO_DEVICE_GET_REGION_INFO, and reads and writes of its file.
#include "hal/vfio/region.h"

#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <vector>

namespace hal::vfio {
namespace {

// A larger answer describes holes, as around an MSI-X table that must not be mapped, or says that there are none.
bool has_holes(int device, vfio_region_info info) {
  if (info.argsz <= sizeof info) return false;
  std::vector<std::byte> longer(info.argsz);
  info.flags = 0;
  std::memcpy(longer.data(), &info, sizeof info);
  if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, longer.data()) != 0) return true;
  std::memcpy(&info, longer.data(), sizeof info);
  for (std::uint32_t at = info.cap_offset; at != 0 && at + sizeof(vfio_info_cap_header) <= longer.size();) {
    vfio_info_cap_header header;
    std::memcpy(&header, longer.data() + at, sizeof header);
    if (header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) return true;
    at = header.next > at ? header.next : 0;
  }
  return false;
}

}  // namespace

Region ask_region(int device, std::uint32_t index) {
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = index;
  if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) != 0) return {};  // not there (VGA)
  const bool mappable = (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0;
  return {info.offset, info.size, mappable && !has_holes(device, info)};
}

std::uint64_t FileTrap::read(std::uint32_t offset, unsigned width) {
  std::uint64_t value = 0;
  const auto at = static_cast<off_t>(region_.offset + offset);
  if (pread(fd_, &value, width, at) == static_cast<ssize_t>(width)) return value;
  return ~std::uint64_t{0} >> (64 - 8 * width);
}

void FileTrap::write(std::uint32_t offset, unsigned width, std::uint64_t value) {
  (void)!pwrite(fd_, &value, width, static_cast<off_t>(region_.offset + offset));  // lost, as on a bus
}

}  // namespace hal::vfio
