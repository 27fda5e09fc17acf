// The chips that this driver knows.
#include "drivers/qla/chip.h"

#include "drivers/qla/regs.h"

namespace qla {
namespace {

constexpr Chip kChips[] = {
    {0x2532, "ISP2532", hal::Bar::k1, false, true, regs::kFlashData, regs::kFlashFirmware, regs::kFlashNvram,
     regs::kFunctionStride},
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
