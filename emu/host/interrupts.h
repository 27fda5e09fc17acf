// The interrupts of a modelled PCI function: messages with masks and pending bits, and the INTx level. Each vector is
// an eventfd that somebody sleeps on. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "hal/pci.h"

namespace emu {

class Interrupts {
 public:
  explicit Interrupts(unsigned msix_vectors);

  hal::InterruptKind kind() const { return kind_; }
  // From the driver's side. Every vector is unmasked; an empty descriptor is a vector that is not enabled.
  void choose(hal::InterruptKind kind, std::vector<base::Fd> vectors);
  void replace(unsigned vector, base::Fd fd);  // there may be more vectors afterwards
  unsigned vectors() const { return static_cast<unsigned>(vectors_.size()); }
  int fd(unsigned vector) const { return vectors_[vector].fd.get(); }
  void mask(unsigned vector, bool masked);  // INTx masks itself when it fires
  void mask_messages(bool masked);          // MSI-X: all of the function
  void disable_intx(bool disabled);         // the bit in the command register
  void trigger(unsigned vector);            // as if the device had, whatever is masked: loopback test of a client

  // From the device's side.
  void raise(unsigned vector);
  void set_level(bool asserted);
  bool level() const { return level_; }
  void reset();  // the level, what is pending, and the masks of the table, as after power-on; who listens stays

  // The MSI-X table and pending bits as the function's memory: 16 bytes a vector, a bit a vector.
  std::uint32_t table_read(std::uint32_t offset) const;  // 32-bit words
  void table_write(std::uint32_t offset, std::uint32_t value);
  std::uint32_t pending_read(std::uint32_t offset) const;

 private:
  struct Vector {
    base::Fd fd;
    bool masked = false, pending = false;
  };
  void deliver(Vector& vector);
  void evaluate_level();

  hal::InterruptKind kind_ = hal::InterruptKind::kNone;
  std::vector<Vector> vectors_;
  std::vector<std::uint32_t> table_;
  bool messages_masked_ = false, intx_disabled_ = false, level_ = false;
};

}  // namespace emu
