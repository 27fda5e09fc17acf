// A region of a vfio device (a BAR, configuration space): where it is in the device's file, and the slow way into it.
#pragma once

#include <cstdint>

#include "hal/mmio.h"

namespace hal::vfio {

struct Region {
  std::uint64_t offset = 0, size = 0;  // size 0: the function has none
  bool mappable = false;               // as a whole
};
Region ask_region(int device, std::uint32_t index);

// A region that cannot be mapped whole: each access is a system call.
class FileTrap final : public MmioTrap {
 public:
  FileTrap(int fd, const Region& region) : fd_(fd), region_(region) {}
  std::uint64_t read(std::uint32_t offset, unsigned width) override;
  void write(std::uint32_t offset, unsigned width, std::uint64_t value) override;

 private:
  int fd_;
  Region region_;
};

}  // namespace hal::vfio
