// The configuration space of a modelled PCI function: header, MSI at 0x88, MSI-X where the identity has it, PCI Express
// at 0x4C.
//
// PCI Local Bus 3.0 chapter 6, PCI Express Base 2.0 section 7.8. Little-endian. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "emu/device_model.h"

namespace emu {

enum ConfigOffset : std::uint16_t {
  kCommandOffset = 0x04,
  kStatusOffset = 0x06,
  kBarsOffset = 0x10,
  kCapabilitiesOffset = 0x34,
  kInterruptLineOffset = 0x3C,
  kExpressOffset = 0x4C,
  kMsiOffset = 0x88,
};

class ConfigSpace {
 public:
  static constexpr std::size_t kSize = 4096;
  enum class Effect : std::uint8_t { kNone, kInterrupts, kFunctionReset };

  explicit ConfigSpace(const Identity& identity);
  // Beyond what the function has (256 bytes without PCI Express) zeros are read, and writes are lost.
  std::uint32_t read(std::uint16_t offset, unsigned width) const;
  // Read-only bits stay as they are. Says what the owner has to do.
  Effect write(std::uint16_t offset, unsigned width, std::uint32_t value);
  void reset();  // as after power-on

  bool memory_enabled() const { return (command() & 2) != 0; }
  bool bus_master() const { return (command() & 4) != 0; }
  bool intx_disabled() const { return (command() & 0x400) != 0; }
  bool msix_enabled() const { return has_msix_ && (word(msix_at_ + 2u) & 0x8000) != 0; }
  bool msix_masked() const { return (word(msix_at_ + 2u) & 0x4000) != 0; }
  void set_intx_pending(bool pending);   // the status bit
  void enable(hal::InterruptKind kind);  // the enable bits of MSI and MSI-X, as the system's software sets them

 private:
  std::uint16_t command() const { return word(kCommandOffset); }
  std::uint16_t word(std::size_t at) const { return static_cast<std::uint16_t>(bytes_[at] | (bytes_[at + 1] << 8)); }
  void put(std::size_t at, unsigned width, std::uint32_t value);      // what is there
  void writable(std::size_t at, unsigned width, std::uint32_t mask);  // which bits software may change
  void build_header(const Identity& identity);
  void build_bars(const Identity& identity);
  void build_express();
  void build_msi(const Identity& identity);
  void build_msix(const Identity& identity);
  void link_capability(std::uint8_t id, std::uint8_t at);

  std::array<std::uint8_t, kSize> bytes_{}, initial_{}, mask_{};
  std::size_t size_;
  std::size_t last_link_ = kCapabilitiesOffset;
  std::uint8_t msix_at_;
  bool has_msi_, has_msix_;
};

}  // namespace emu
