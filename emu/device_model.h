// What a model of an adapter is given, and what it must answer.
//
// A register write only latches; DMA, frames and timers are the affair of poll(), so that a driver sees an adapter that
// answers later. One thread per model. Undefined registers read as all ones and are model faults.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "hal/dma.h"
#include "hal/pci.h"

namespace emu {

struct BarInfo {
  std::uint64_t size = 0;  // 0: not there; a power of two
  bool is_64bit = false, prefetchable = false;
};

struct Identity {  // from which a host makes the configuration space
  std::uint16_t vendor = 0, device = 0, subsystem_vendor = 0, subsystem = 0;
  std::uint8_t revision = 0;
  std::uint8_t interrupt_pin = 1;
  std::uint32_t class_code = 0;
  std::array<BarInfo, 6> bars{};
  std::uint8_t msi_vectors = 0;    // 0: no MSI capability
  std::uint16_t msix_vectors = 0;  // 0: no MSI-X capability
  hal::Bar msix_bar = hal::Bar::k0;
  std::uint32_t msix_table = 0, msix_pending = 0;  // offsets in that BAR
  std::uint8_t msix_capability = 0xA0;             // where in configuration space: some drivers do not search
  bool pci_express = true;
};

// The only door from a model to the outside: emu/host has one for drivers in this process and one for vfio-user.
class ModelHost {
 public:
  virtual ~ModelHost() = default;
  // Fails, and is a model fault of the driver's making, where nothing is mapped or bus mastership is off.
  virtual base::Result<void> dma_read(hal::Iova from, std::span<std::byte> to) = 0;
  virtual base::Result<void> dma_write(hal::Iova to, std::span<const std::byte> from) = 0;
  virtual hal::InterruptKind interrupts() const = 0;  // what the driver has enabled
  virtual void raise(unsigned vector) = 0;   // MSI, MSI-X: one message; a vector that is not enabled is dropped
  virtual void set_intx(bool asserted) = 0;  // INTx: the level
  virtual base::Time now() const = 0;
  // The driver did what the adapter forbids: counted, and logged as a warning with what and where.
  virtual void fault(std::string_view what) = 0;
};

enum class ResetKind : std::uint8_t { kPowerOn, kFunctionLevel };

class DeviceModel {
 public:
  virtual ~DeviceModel() = default;
  virtual const Identity& identity() const = 0;
  // `offset` and `width` lie within the BAR; width is 1, 2, 4 or 8.
  virtual std::uint64_t bar_read(hal::Bar bar, std::uint64_t offset, unsigned width) = 0;
  virtual void bar_write(hal::Bar bar, std::uint64_t offset, unsigned width, std::uint64_t value) = 0;
  virtual void interrupts_changed() = 0;  // kind, masks: present again what is pending
  virtual void reset(ResetKind kind) = 0;
  virtual bool poll() = 0;               // one bounded step of the "firmware"; true if anything moved
  virtual void quiesce() = 0;            // no DMA until the next poll(): mappings may change now
  virtual std::string dump() const = 0;  // registers, rings, logins: for people
};

}  // namespace emu
