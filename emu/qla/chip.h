// What differs between the controllers that the model can be: identity, windows, flash map, what the firmware reports.
#pragma once

#include <cstdint>
#include <string_view>

#include "drivers/qla/regs.h"
#include "emu/device_model.h"

namespace emu::qla {

struct FlashMap {              // dword indices
  std::uint32_t data, config;  // bases in the adapter's address space
  std::uint32_t firmware, vpd, nvram;
  std::uint32_t vpd_stride, nvram_stride;  // for the second function
  // Later chips; 0: there is none.
  std::uint32_t layout, description;
  std::uint32_t firmware_secondary, image_status, image_status_secondary;
};

struct Chip {
  std::string_view name;   // "ISP2532"
  std::string_view model;  // of the adapter: "QLE2562"
  Identity identity;
  hal::Bar registers;    // where the classic window is
  std::uint32_t window;  // its bytes
  bool queue_pages;      // queue indices are in pages of a BAR of their own, not in the window
  hal::Bar pages;
  unsigned queues;     // of each kind; 1: those of the initialisation block and no others
  bool shadow;         // can write its indices to host memory too
  bool dump_template;  // the firmware image ends with one
  FlashMap flash;
  std::uint8_t version[3];   // firmware
  std::uint16_t attributes;  // command 08, mailbox 6
  std::uint16_t ability;     // command 02, mailbox 2
  std::uint16_t rate;        // what AEN 8011 and command 5D say
  std::uint32_t gigabits;
  std::uint16_t exchanges;  // each of the counts of command 42
  std::uint16_t virtual_ports;
  bool aborts_in_atio_queue;  // can be, by firmware option; else they come through the response queue
  ::qla::regs::InterruptCode response_event, atio_event;
};

const Chip& isp2532();
const Chip& isp2031();  // 83xx
const Chip& isp2071();  // 27xx, as are the next two
const Chip& isp2261();  // of 16 Gb
const Chip& isp2271();
const Chip* find_chip(std::string_view name);  // null: no such model

}  // namespace emu::qla
