// The controllers that the model can be.
#include "emu/qla/chip.h"

namespace emu::qla {
namespace {

namespace regs = ::qla::regs;
using Attributes = regs::FirmwareAttributes;
using regs::InterruptCode;

// Virtual ports are what makes Linux use command 48, the only one that it allows in recovery.
constexpr std::uint16_t kNpiv = Attributes::VirtualPorts::of(true);
constexpr std::uint16_t kLater =
    static_cast<std::uint16_t>(kNpiv | Attributes::MultiQueue::of(true) | Attributes::ProtectionInformation::of(true));

constexpr unsigned kQueues = 32;
constexpr std::uint16_t kVectors = 32;

// Of 83xx and 27xx: window in BAR0, MSI-X in BAR2, queue pages in BAR4; the driver looks for MSI-X at 90h. No MSI.
struct PagedChip {
  std::uint16_t device, subsystem, vectors;
  std::uint8_t revision;
};
constexpr Identity paged_identity(const PagedChip& chip) {
  return {.vendor = 0x1077,
          .device = chip.device,
          .subsystem_vendor = 0x1077,
          .subsystem = chip.subsystem,
          .revision = chip.revision,
          .interrupt_pin = 1,
          .class_code = 0x0C0400,
          .bars = {BarInfo{0x1000, true, false}, BarInfo{}, BarInfo{0x1000, true, false}, BarInfo{},
                   BarInfo{kQueues * regs::kQueuePage, true, false}},
          .msi_vectors = 0,
          .msix_vectors = chip.vectors,
          .msix_bar = hal::Bar::k2,
          .msix_table = 0,
          .msix_pending = 0x800,
          .msix_capability = 0x90};
}

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
    .queues = 1,
    .shadow = false,
    .dump_template = false,
    .flash = {.data = regs::kFlashData,
              .config = regs::kFlashConfig,
              .firmware = regs::kFlashFirmware,
              .vpd = regs::kFlashVpd,
              .nvram = regs::kFlashNvram,
              .vpd_stride = regs::kFunctionStride,
              .nvram_stride = regs::kFunctionStride,
              .layout = 0,
              .description = 0,
              .firmware_secondary = 0,
              .image_status = 0,
              .image_status_secondary = 0},
    .version = {8, 7, 0},
    .attributes = kNpiv,
    .ability = 0,
    .rate = 4,
    .gigabits = 8,
    .exchanges = 2048,
    .virtual_ports = 63,
    .aborts_in_atio_queue = false,
    .response_event = InterruptCode::kResponseQueue,
    .atio_event = InterruptCode::kAtioQueue,
};

constexpr Chip kIsp2031 = {
    .name = "ISP2031",
    .model = "QLE2670",
    .identity = paged_identity({0x2031, 0x0241, kVectors, 2}),
    .registers = hal::Bar::k0,
    .window = regs::kWindowSize,
    .queue_pages = true,
    .pages = hal::Bar::k4,
    .queues = kQueues,
    .shadow = false,
    .dump_template = false,
    .flash = {.data = regs::kFlashData83,
              .config = regs::kFlashConfig,
              .firmware = 0xA0000,
              .vpd = 0xD0000,
              .nvram = 0xD0080,
              .vpd_stride = 0x400,
              .nvram_stride = 0x100,
              .layout = regs::kFlashLayout83,
              .description = 0xD8000,
              .firmware_secondary = 0,
              .image_status = 0,
              .image_status_secondary = 0},
    .version = {8, 7, 0},
    .attributes = kLater,
    .ability = 0,
    .rate = 5,
    .gigabits = 16,
    .exchanges = 2048,
    .virtual_ports = 63,
    .aborts_in_atio_queue = true,
    .response_event = InterruptCode::kResponseQueue83,
    .atio_event = InterruptCode::kAtioQueue,
};

// Two firmware images in flash, of which a record says which one is to be loaded; 32 Gb.
constexpr Chip make_isp2071() {
  Chip chip = kIsp2031;
  chip.name = "ISP2071";
  chip.model = "QLE2740";
  chip.identity = paged_identity({0x2071, 0x0282, kVectors, 2});
  chip.shadow = chip.dump_template = true;
  chip.flash.firmware_secondary = 0xB0000;
  chip.flash.image_status = 0xD9000;
  chip.flash.image_status_secondary = 0xD9400;
  chip.version[1] = 8;
  chip.ability = 1;  // speeds up to 32 Gb
  chip.rate = 6;
  chip.gigabits = 32;
  chip.atio_event = InterruptCode::kAtioQueue27;
  return chip;
}
constexpr Chip kIsp2071 = make_isp2071();

// To qla2xxx both are a 2071 by another device number: the same registers, flash, firmware format and features. The one
// of the QLE2690 has 16 vectors and a firmware that goes up to 16 Gb only.
constexpr Chip make_isp2261() {
  Chip chip = kIsp2071;
  chip.name = "ISP2261";
  chip.model = "QLE2690";
  chip.identity = paged_identity({0x2261, 0x029B, 16, 1});
  chip.ability = 0;  // speeds up to 16 Gb
  chip.rate = 5;
  chip.gigabits = 16;
  return chip;
}
constexpr Chip kIsp2261 = make_isp2261();

// No adapter with it is publicly listed: that of the 2071 stands in for its subsystem.
constexpr Chip make_isp2271() {
  Chip chip = kIsp2071;
  chip.name = "ISP2271";
  chip.identity = paged_identity({0x2271, 0x0282, kVectors, 1});
  return chip;
}
constexpr Chip kIsp2271 = make_isp2271();

}  // namespace

const Chip& isp2532() { return kIsp2532; }
const Chip& isp2031() { return kIsp2031; }
const Chip& isp2071() { return kIsp2071; }
const Chip& isp2261() { return kIsp2261; }
const Chip& isp2271() { return kIsp2271; }

const Chip* find_chip(std::string_view name) {
  for (const Chip* chip : {&kIsp2532, &kIsp2031, &kIsp2071, &kIsp2261, &kIsp2271})
    if (chip->name == name) return chip;
  return nullptr;
}

}  // namespace emu::qla
