// What differs from chip to chip, as a table.
#pragma once

#include <cstdint>

#include "hal/pci.h"

namespace qla {

struct Chip {
  std::uint16_t device;  // PCI device id; the vendor is kVendor
  const char* name;
  hal::Bar registers;
  bool queue_pages;  // ring pointers are in BAR4, a page for each queue, not in the register window
  bool shadow;       // keeps its indices in host memory too
  bool msi;          // takes one message without MSI-X
  // Flash, in dwords: its base address, where firmware and NVRAM are, how much further the second function's are.
  std::uint32_t flash, firmware, nvram, function_stride;
  std::uint32_t layout;  // a table of regions, which says it better; 0: there is none
};

constexpr std::uint16_t kVendor = 0x1077;

// Null: not a chip that this driver knows.
const Chip* find_chip(const hal::PciIdentity& identity);

}  // namespace qla
