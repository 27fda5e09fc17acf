// A function by /dev/vfio: its interrupts, as eventfds.
#include "hal/vfio/bound_function.h"

#include <sys/ioctl.h>

#include <cstring>

namespace hal::vfio {
static_assert(VFIO_PCI_INTX_IRQ_INDEX == 0 && VFIO_PCI_MSI_IRQ_INDEX == 1 && VFIO_PCI_MSIX_IRQ_INDEX == 2);

void BoundFunction::read_irqs() {
  for (std::uint32_t i = 0; i < vectors_.size(); ++i) {
    vfio_irq_info info{};
    info.argsz = sizeof info;
    info.index = i;
    if (ioctl(device_.get(), VFIO_DEVICE_GET_IRQ_INFO, &info) != 0) continue;
    if ((info.flags & VFIO_IRQ_INFO_EVENTFD) != 0) vectors_[i] = info.count;
  }
}

base::Result<void> BoundFunction::set_irqs(InterruptKind kind, std::uint32_t flags, std::uint32_t count,
                                           std::span<const int> fds) {
  std::vector<std::byte> bytes(sizeof(vfio_irq_set) + fds.size_bytes());
  vfio_irq_set set{};
  set.argsz = static_cast<std::uint32_t>(bytes.size());
  set.flags = flags;
  set.index = index_of(kind);
  set.count = count;
  std::memcpy(bytes.data(), &set, sizeof set);
  if (!fds.empty()) std::memcpy(bytes.data() + sizeof set, fds.data(), fds.size_bytes());
  if (ioctl(device_.get(), VFIO_DEVICE_SET_IRQS, bytes.data()) != 0) return base::fail_errno("VFIO_DEVICE_SET_IRQS");
  return {};
}

base::Result<void> BoundFunction::vectors_on(InterruptKind kind, std::span<const int> eventfds) {
  return set_irqs(kind, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                  static_cast<std::uint32_t>(eventfds.size()), eventfds);
}

base::Result<void> BoundFunction::vectors_off(InterruptKind kind) {
  return set_irqs(kind, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, {});
}

void BoundFunction::unmask_intx() {
  if (interrupts() != InterruptKind::kIntx) return;
  (void)set_irqs(InterruptKind::kIntx, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 1, {});
}

}  // namespace hal::vfio
