// A PCI function that is bound to vfio-pci: PciDevice by the calls of linux/vfio.h.
#pragma once

#include <linux/vfio.h>

#include <array>
#include <span>
#include <vector>

#include "base/fd.h"
#include "hal/pci_function.h"
#include "hal/vfio/region.h"
#include "hal/vfio/sysfs.h"

namespace hal::vfio {

class BoundFunction final : public PciFunction {
 public:
  ~BoundFunction() override;
  base::Result<void> start(const Sysfs& sysfs, const Function& function);
  base::Result<Mmio> map_bar(Bar bar) override;
  base::Result<void> enable_dma() override;
  void unmask_intx() override;
  base::Result<void> reset() override;
  bool gone() const override;

 private:
  std::uint32_t read_config(std::uint16_t offset, unsigned width) override;
  void write_config(std::uint16_t offset, unsigned width, std::uint32_t value) override;
  base::Result<void> vectors_on(InterruptKind kind, std::span<const int> eventfds) override;
  base::Result<void> vectors_off(InterruptKind kind) override;
  base::Result<void> memory_added(const RegisteredMemory& memory) override;
  void memory_removed(const RegisteredMemory& memory) override;
  bool pins_pages() const override { return true; }
  base::Result<void> open_group(const Sysfs& sysfs, const Function& function);
  base::Result<void> read_regions();
  void read_irqs();
  base::Result<void> set_irqs(InterruptKind kind, std::uint32_t flags, std::uint32_t count, std::span<const int> fds);

  bool no_iommu_ = false, can_reset_ = false;
  base::Fd container_, group_, device_;
  std::array<Region, VFIO_PCI_NUM_REGIONS> regions_{};
  std::array<std::span<std::byte>, 6> mapped_{};
  std::vector<FileTrap> traps_;
};

}  // namespace hal::vfio
