// Opens what Sysfs::bind has prepared.
#include "hal/vfio/device.h"

#include "hal/vfio/bound_function.h"

namespace hal::vfio {

base::Result<std::unique_ptr<PciDevice>> open(const std::string& address, const Paths& paths, bool no_iommu) {
  const Sysfs sysfs(paths);
  const Function function = TRY(sysfs.find(address));
  if (function.driver != "vfio-pci") {
    return base::fail(base::Errc::kNotFound, function.identity.address + " is not bound to vfio-pci");
  }
  if (function.iommu_group < 0) return base::fail(base::Errc::kUnsupported, "it has no IOMMU group");
  if (function.no_iommu && !no_iommu) {
    return base::fail(base::Errc::kDenied, function.identity.address + " is behind no IOMMU");
  }
  auto device = std::make_unique<BoundFunction>();
  TRY(device->start(sysfs, function));
  return device;
}

}  // namespace hal::vfio
