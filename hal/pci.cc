// What all kinds of PCI functions have in common.
#include "hal/pci.h"

namespace hal {

base::Result<void> check_config_access(std::uint16_t offset, unsigned width) {
  const bool ok = (width == 1 || width == 2 || width == 4) && offset % width == 0 && offset < 4096;
  if (!ok) return base::fail(base::Errc::kInvalid, "an access to configuration space is not aligned or too wide");
  return {};
}

}  // namespace hal
