// The SCSI side of outboard-emu's own target: one logical unit of memory, with the commands that a disk driver needs.
// It is for proving models without a driver; it has neither unit attentions nor reservations nor task sets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hal/port/fc_frame.h"

namespace emu::tool {

class RamDisk {
 public:
  static constexpr std::uint32_t kBlock = 512;
  struct Answer {
    std::uint8_t status = 0;
    std::array<std::uint8_t, 18> sense{};  // of CHECK CONDITION
    std::vector<std::byte> data;           // to the initiator, of all commands but READ
    std::span<std::byte> blocks;           // of READ and WRITE
    bool write = false;                    // `blocks` come from the initiator
    std::span<const std::byte> data_in() const { return blocks.empty() ? std::span<const std::byte>(data) : blocks; }
  };

  RamDisk(std::uint32_t mebibytes, std::uint64_t name) : memory_(std::size_t{mebibytes} << 20), name_(name) {}
  Answer execute(const hal::fc::FcpCmnd& command);

 private:
  std::uint64_t blocks() const { return memory_.size() / kBlock; }
  Answer inquiry(const hal::fc::FcpCmnd& command) const;
  Answer vital_product_data(std::uint8_t page) const;
  Answer mode_sense(bool ten) const;
  Answer capacity(bool sixteen) const;
  Answer transfer(const hal::fc::FcpCmnd& command);
  Answer logical_unit_zero(const hal::fc::FcpCmnd& command);

  std::vector<std::byte> memory_;
  std::uint64_t name_;
};

}  // namespace emu::tool
