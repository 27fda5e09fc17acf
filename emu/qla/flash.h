// The adapter's flash: 4 MiB, all ones where nothing was written, with the images that a driver needs to start.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "emu/qla/chip.h"
#include "hal/port/fc_port.h"

namespace emu::qla {

struct Factory {  // what is burnt in before the adapter is sold
  hal::fc::Wwn port_name, node_name;
  unsigned function = 0;
  bool good_nvram = true;  // false: its checksum is wrong
  bool good_firmware = true;
};

class Flash {
 public:
  static constexpr std::uint32_t kDwords = 0x100000, kSectorDwords = 0x4000;
  explicit Flash(const FlashMap& map) : map_(map) {}
  void burn(const Chip& chip, const Factory& factory);
  // `address`: of the adapter's address space, as the flash address register and the RAM commands have it.
  bool holds(std::uint32_t address) const { return address >= map_.data && address - map_.data < kDwords; }
  std::uint32_t read(std::uint32_t address) const;
  void write(std::uint32_t address, std::uint32_t value);  // clears bits, as flash does; configuration: erases
  void erase(std::uint32_t address) { sectors_.erase((address - map_.data) / kSectorDwords); }  // its sector
  std::uint32_t at(std::uint32_t dword) const;                                                  // of the image
  void put(std::uint32_t dword, std::span<const std::byte> bytes);

 private:
  bool configures(std::uint32_t address) const { return address >= map_.config && address < map_.config + 0x10000; }
  FlashMap map_;
  std::unordered_map<std::uint32_t, std::array<std::uint32_t, kSectorDwords>> sectors_;
};

}  // namespace emu::qla
