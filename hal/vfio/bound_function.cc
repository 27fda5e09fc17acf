// A function by /dev/vfio: the way to it, and its registers.
#include "hal/vfio/bound_function.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace hal::vfio {

BoundFunction::~BoundFunction() {
  if (!device_) return;
  release();
  for (const auto& bar : mapped_) {
    if (!bar.empty()) munmap(bar.data(), bar.size());
  }
}

base::Result<void> BoundFunction::start(const Sysfs& sysfs, const Function& function) {
  identity_ = function.identity;
  no_iommu_ = function.no_iommu;
  TRY(open_group(sysfs, function));
  vfio_device_info info{};
  info.argsz = sizeof info;
  if (ioctl(device_.get(), VFIO_DEVICE_GET_INFO, &info) != 0) return base::fail_errno("VFIO_DEVICE_GET_INFO");
  can_reset_ = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
  TRY(read_regions());
  read_irqs();
  identity_.interrupt_pin = static_cast<std::uint8_t>(TRY(config_read(0x3d, 1)));
  return enable_registers();
}

base::Result<void> BoundFunction::open_group(const Sysfs& sysfs, const Function& function) {
  container_ = base::Fd(::open((sysfs.paths().dev + "/vfio/vfio").c_str(), O_RDWR | O_CLOEXEC));
  if (!container_) return base::fail_errno("open the VFIO container");
  if (ioctl(container_.get(), VFIO_GET_API_VERSION) != VFIO_API_VERSION) {
    return base::fail(base::Errc::kUnsupported, "the kernel has another version of VFIO");
  }
  const std::string path = sysfs.group_file(function);
  group_ = base::Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!group_) return base::fail_errno("open " + path);
  vfio_group_status status{};
  status.argsz = sizeof status;
  if (ioctl(group_.get(), VFIO_GROUP_GET_STATUS, &status) != 0) return base::fail_errno("VFIO_GROUP_GET_STATUS");
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
    TRY(sysfs.check_group(function));
    return base::fail(base::Errc::kBusy, "the IOMMU group of " + identity_.address + " is not viable");
  }
  int container = container_.get();
  if (ioctl(group_.get(), VFIO_GROUP_SET_CONTAINER, &container) != 0) return base::fail_errno("use " + path);
  const long type = no_iommu_ ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
  if (ioctl(container_.get(), VFIO_SET_IOMMU, type) != 0) return base::fail_errno("VFIO_SET_IOMMU");
  device_ = base::Fd(ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, identity_.address.c_str()));
  if (!device_) return base::fail_errno("VFIO_GROUP_GET_DEVICE_FD of " + identity_.address);
  return {};
}

base::Result<void> BoundFunction::read_regions() {
  for (std::uint32_t i = 0; i < regions_.size(); ++i) {
    regions_[i] = ask_region(device_.get(), i);
    traps_.emplace_back(device_.get(), regions_[i]);
  }
  if (regions_[VFIO_PCI_CONFIG_REGION_INDEX].size != 0) return {};
  return base::fail(base::Errc::kUnsupported, identity_.address + " has no configuration space");
}

std::uint32_t BoundFunction::read_config(std::uint16_t offset, unsigned width) {
  if (offset >= regions_[VFIO_PCI_CONFIG_REGION_INDEX].size) return 0;
  return static_cast<std::uint32_t>(traps_[VFIO_PCI_CONFIG_REGION_INDEX].read(offset, width));
}

void BoundFunction::write_config(std::uint16_t offset, unsigned width, std::uint32_t value) {
  traps_[VFIO_PCI_CONFIG_REGION_INDEX].write(offset, width, value);
}

bool BoundFunction::gone() const {
  std::uint16_t vendor = 0xffff;
  const auto at = static_cast<off_t>(regions_[VFIO_PCI_CONFIG_REGION_INDEX].offset);
  return pread(device_.get(), &vendor, sizeof vendor, at) != sizeof vendor || vendor == 0xffff;
}

base::Result<Mmio> BoundFunction::map_bar(Bar bar) {
  const auto index = static_cast<std::size_t>(bar);
  if (index >= mapped_.size() || regions_[index].size == 0 || regions_[index].size > 0xffffffffu) {
    return base::fail(base::Errc::kUnsupported, "the function has no such BAR");
  }
  const Region& region = regions_[index];
  const std::uint32_t flags = TRY(config_read(static_cast<std::uint16_t>(0x10 + 4 * index), 4));
  if ((flags & 1) != 0) return base::fail(base::Errc::kUnsupported, "the BAR is of I/O ports");
  if (region.mappable && mapped_[index].empty()) {
    void* const at = mmap(nullptr, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, device_.get(),
                          static_cast<off_t>(region.offset));
    if (at != MAP_FAILED) mapped_[index] = {static_cast<std::byte*>(at), region.size};
  }
  if (!mapped_[index].empty()) return Mmio(std::span<volatile std::byte>(mapped_[index]));
  return Mmio(traps_[index], static_cast<std::uint32_t>(region.size));
}

base::Result<void> BoundFunction::reset() {
  if (!can_reset_) return base::fail(base::Errc::kUnsupported, identity_.address + " cannot be reset by itself");
  if (ioctl(device_.get(), VFIO_DEVICE_RESET) != 0) return base::fail_errno("reset " + identity_.address);
  unmask_intx();
  return {};
}

}  // namespace hal::vfio
