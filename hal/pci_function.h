// What implementations of PciDevice share: checked configuration accesses, the command register, memory that follows
// the DMA registry, an eventfd for each interrupt vector. The ways to the function itself are the implementation's.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/fd.h"
#include "hal/dma_registry.h"
#include "hal/pci.h"

namespace hal {

class PciFunction : public PciDevice, private DmaListener {
 public:
  const PciIdentity& identity() const override { return identity_; }
  base::Result<std::uint32_t> config_read(std::uint16_t offset, unsigned width) override;
  base::Result<void> config_write(std::uint16_t offset, unsigned width, std::uint32_t value) override;
  base::Result<void> enable_dma() override;
  void disable_dma() override;
  unsigned interrupt_vectors(InterruptKind kind) const override;
  base::Result<void> set_interrupts(InterruptKind kind, unsigned vectors) override;
  base::Result<int> interrupt_fd(unsigned vector) const override;

 protected:
  static constexpr std::uint16_t kCommandRegister = 4;  // its place in configuration space
  InterruptKind interrupts() const { return kind_; }
  base::Result<void> enable_registers();  // memory space
  void release();                         // to be called by destructors: interrupts, DMA and registers off
  // The number that vfio and vfio-user have for a kind: 0 INTx, 1 MSI, 2 MSI-X.
  static std::uint32_t index_of(InterruptKind kind) { return static_cast<std::uint32_t>(kind) - 1; }

  PciIdentity identity_;
  std::array<std::uint32_t, 3> vectors_{};  // by index_of()

 private:
  // At checked places, also beyond what the function has.
  virtual std::uint32_t read_config(std::uint16_t offset, unsigned width) = 0;
  virtual void write_config(std::uint16_t offset, unsigned width, std::uint32_t value) = 0;
  // `eventfds`: as many as vectors; they stay open until the vectors are off.
  virtual base::Result<void> vectors_on(InterruptKind kind, std::span<const int> eventfds) = 0;
  virtual base::Result<void> vectors_off(InterruptKind kind) = 0;
  base::Result<void> set_command(std::uint32_t bits, bool on);

  InterruptKind kind_ = InterruptKind::kNone;
  std::vector<base::Fd> eventfds_;
};

}  // namespace hal
