// The controllers that the model can be.
#include "emu/qla/chip.h"

#include "drivers/qla/regs.h"

namespace emu::qla {
namespace {

namespace regs = ::qla::regs;

constexpr std::uint16_t kNpiv = 0x0004;  // what makes Linux use command 48, the only one that it allows in recovery

constexpr Chip kIsp2532 = {
    .name = "ISP2532",
    .model = "QLE2560",
    .identity = {.vendor = 0x1077,
                 .device = 0x2532,
                 .subsystem_vendor = 0x1077,
                 .subsystem = 0x015D,
                 .revision = 2,
                 .interrupt_pin = 1,
                 .class_code = 0x0C0400,
                 .bars = {BarInfo{}, BarInfo{0x4000, true, false}, BarInfo{}, BarInfo{0x1000, false, false}},
                 .msi_vectors = 1,
                 .msix_vectors = 4,
                 .msix_bar = hal::Bar::k3,
                 .msix_table = 0,
                 .msix_pending = 0x800},
    .registers = hal::Bar::k1,
    .window = regs::kWindowSize,
    .queue_pages = false,
    .pages = hal::Bar::k4,
    .flash = {regs::kFlashData, regs::kFlashConfig, regs::kFlashFirmware, regs::kFlashVpd, regs::kFlashNvram,
              regs::kFunctionStride},
    .version = {8, 7, 0},
    .attributes = kNpiv,
    .rate = 4,
    .gigabits = 8,
    .exchanges = 2048,
    .virtual_ports = 63,
    .aborts_in_atio_queue = false,
};

}  // namespace

const Chip& isp2532() { return kIsp2532; }

const Chip* find_chip(std::string_view name) {
  for (const Chip* chip : {&kIsp2532})
    if (chip->name == name) return chip;
  return nullptr;
}

}  // namespace emu::qla
