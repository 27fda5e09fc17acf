// The pages of queue indices that later chips have in a BAR of their own.
#pragma once

#include <cstdint>

#include "emu/qla/firmware.h"

namespace emu::qla {

class QueuePages {
 public:
  explicit QueuePages(Firmware& firmware) : firmware_(firmware) {}
  std::uint32_t read(std::uint32_t offset, unsigned width);
  void write(std::uint32_t offset, unsigned width, std::uint32_t value);

 private:
  Firmware& firmware_;
};

}  // namespace emu::qla
