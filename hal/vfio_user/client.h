// A PCI device in another process: hal::PciDevice over a vfio-user socket (a model served by outboard-emu).
//
// Register reads wait for the other process; writes are posted. All MemoryRegions are shared with it by descriptor. A
// server that goes away, or does not answer within 5 s, is a device that was taken out.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "hal/pci.h"

namespace hal::vfio_user {

base::Result<std::unique_ptr<PciDevice>> open(const std::string& path);
base::Result<std::unique_ptr<PciDevice>> open(base::Fd connected, const std::string& name);

}  // namespace hal::vfio_user
