// One PCI function, wherever it is: on the bus (hal/vfio), in another process (hal/vfio_user), or modelled in this one
// (emu/host). A driver never knows which.
//
// Called at bring-up and recovery; what runs per command is Mmio and memory. One thread at a time. DMA addresses are
// the process' own: every MemoryRegion is mapped for the device at the address that it has here (Iova = virtual
// address).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "hal/mmio.h"

namespace hal {

enum class Bar : std::uint8_t { k0, k1, k2, k3, k4, k5 };
enum class InterruptKind : std::uint8_t { kNone, kIntx, kMsi, kMsix };

struct PciIdentity {
  std::string address;  // "0000:3b:00.0", "unix:/run/outboard/hba0", "model"
  std::uint16_t vendor = 0, device = 0, subsystem_vendor = 0, subsystem = 0;
  std::uint8_t revision = 0;
  std::uint8_t interrupt_pin = 0;  // 1 INTA ... 4 INTD, 0 none: tells the function of a multi-port adapter
  std::uint32_t class_code = 0;
  int numa_node = -1;
};

class PciDevice {
 public:
  virtual ~PciDevice() = default;  // masks interrupts, takes bus mastership away, unmaps
  virtual const PciIdentity& identity() const = 0;
  // `width`: 1, 2 or 4, at a multiple of itself below 4096.
  virtual base::Result<std::uint32_t> config_read(std::uint16_t offset, unsigned width) = 0;
  virtual base::Result<void> config_write(std::uint16_t offset, unsigned width, std::uint32_t value) = 0;
  virtual base::Result<Mmio> map_bar(Bar bar) = 0;  // kUnsupported: the function has no such memory BAR

  // Maps all memory regions, those made later too, and lets the device master the bus; disable_dma takes both back and
  // returns when the device can no longer touch memory.
  virtual base::Result<void> enable_dma() = 0;
  virtual void disable_dma() = 0;

  virtual unsigned interrupt_vectors(InterruptKind kind) const = 0;  // 0: it has not got that kind
  // Chooses kind and number of vectors (kNone: off). Each vector has an eventfd, only to sleep on: drivers poll.
  virtual base::Result<void> set_interrupts(InterruptKind kind, unsigned vectors) = 0;
  virtual base::Result<int> interrupt_fd(unsigned vector) const = 0;
  // INTx is masked when it fires; the driver unmasks when it has taken what there was. Nothing for the other kinds.
  virtual void unmask_intx() = 0;

  // Function-level, where the function can. Configuration space, the interrupts chosen and DMA stay as they were.
  virtual base::Result<void> reset() = 0;
  virtual bool gone() const = 0;  // taken out, or the other process ended: reads are all ones from now on
};

// For implementations: `width` is 1, 2 or 4 and `offset` a multiple of it below 4096.
base::Result<void> check_config_access(std::uint16_t offset, unsigned width);

}  // namespace hal
