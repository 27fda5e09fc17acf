// The RISC's memory: what the host has loaded there, zeros elsewhere. A reset of the chip leaves it as it is.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

namespace emu::qla {

constexpr std::uint32_t kFirmwareAt = 0x100000, kEndOfMemory = 0x13FFFF;  // dword addresses; the end is the last one

class Ram {
 public:
  void write(std::uint32_t address, std::uint32_t value) {
    if (address > kEndOfMemory) return;
    pages_[address / kPage][address % kPage] = value;
  }
  std::uint32_t read(std::uint32_t address) const {
    const auto page = pages_.find(address / kPage);
    return page == pages_.end() ? 0 : page->second[address % kPage];
  }

 private:
  static constexpr std::uint32_t kPage = 1024;
  std::unordered_map<std::uint32_t, std::array<std::uint32_t, kPage>> pages_;  // zeros when made
};

}  // namespace emu::qla
