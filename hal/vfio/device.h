// A PCI function on this machine's bus, by /dev/vfio: hal::PciDevice over the kernel's vfio-pci (container, group,
// type-1 IOMMU).
//
// Every MemoryRegion is pinned and mapped at its virtual address; what the IOMMU cannot reach is refused when it is
// made. Without an IOMMU (the kernel's unsafe mode) registers can be used and DMA cannot.
#pragma once

#include <memory>
#include <string>

#include "hal/pci.h"
#include "hal/vfio/sysfs.h"

namespace hal::vfio {

// The function is bound to vfio-pci already (Sysfs::bind).
base::Result<std::unique_ptr<PciDevice>> open(const std::string& address, const Paths& paths = {},
                                              bool no_iommu = false);

}  // namespace hal::vfio
