// What differs between the controllers that the model can be: identity, windows, flash map, what the firmware reports.
#pragma once

#include <cstdint>
#include <string_view>

#include "emu/device_model.h"

namespace emu::qla {

struct FlashMap {              // dword indices
  std::uint32_t data, config;  // bases in the adapter's address space
  std::uint32_t firmware, vpd, nvram;
  std::uint32_t function_stride;  // of VPD and NVRAM, for the second function
};

struct Chip {
  std::string_view name;   // "ISP2532"
  std::string_view model;  // of the adapter: "QLE2562"
  Identity identity;
  hal::Bar registers;    // where the classic window is
  std::uint32_t window;  // its bytes
  bool queue_pages;      // queue indices are in pages of a BAR of their own
  hal::Bar pages;
  FlashMap flash;
  std::uint8_t version[3];   // firmware
  std::uint16_t attributes;  // command 08, mailbox 6
  std::uint16_t rate;        // what AEN 8011 and command 5D say
  std::uint32_t gigabits;
  std::uint16_t exchanges;  // each of the counts of command 42
  std::uint16_t virtual_ports;
  bool aborts_in_atio_queue;  // can be, by firmware option; else they come through the response queue
};

const Chip& isp2532();
const Chip* find_chip(std::string_view name);  // null: no such model

}  // namespace emu::qla
