// The state of an adapter that failed, for a file: registers at once, the firmware's memory once its boot code runs.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "drivers/qla/device.h"
#include "hal/worker.h"

namespace qla {

std::string dump_registers(const Device& device);
std::string dump_events(const Device& device);

class Dump {
 public:
  explicit Dump(Device& device) : device_(device) {}
  bool wanted() const { return wanted_; }
  void begin(std::string_view why);
  void memory(std::uint32_t address, std::span<const std::byte> bytes);
  void finish();  // writes the file, on a thread of its own

 private:
  Device& device_;
  bool wanted_ = false;
  unsigned number_ = 0;
  std::string text_;
  std::unique_ptr<hal::Worker> worker_;
};

}  // namespace qla
