// The chips that this driver knows.
#include "drivers/qla/chip.h"

#include "drivers/qla/regs.h"

namespace qla {
namespace {

constexpr Chip kChips[] = {
    {0x2532, "ISP2532", hal::Bar::k1, false, false, true, regs::kFlashData, regs::kFlashFirmware, regs::kFlashNvram,
     regs::kFunctionStride, 0},
    // Two images may be in flash, of which records tell the one to load, where the layout names them (27xx).
    {0x2031, "ISP2031", hal::Bar::k0, true, false, false, regs::kFlashData83, 0xA0000, 0xD0080, 0x100,
     regs::kFlashLayout83},
    {0x2071, "ISP2071", hal::Bar::k0, true, true, false, regs::kFlashData83, 0xA0000, 0xD0080, 0x100,
     regs::kFlashLayout83},
    {0x2271, "ISP2271", hal::Bar::k0, true, true, false, regs::kFlashData83, 0xA0000, 0xD0080, 0x100,
     regs::kFlashLayout83},
    {0x2261, "ISP2261", hal::Bar::k0, true, true, false, regs::kFlashData83, 0xA0000, 0xD0080, 0x100,
     regs::kFlashLayout83},
};

}  // namespace

const Chip* find_chip(const hal::PciIdentity& identity) {
  if (identity.vendor != kVendor) return nullptr;
  for (const Chip& chip : kChips) {
    if (chip.device == identity.device) return &chip;
  }
  return nullptr;
}

}  // namespace qla
