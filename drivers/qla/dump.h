// The state of an adapter that failed, for a file: registers at once, the firmware's memory once its boot code runs.
// The last kFiles of a port are kept.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "drivers/qla/device.h"
#include "hal/worker.h"

namespace qla {

std::string dump_registers(const Device& device);
std::string dump_events(const Device& device);

class Dump {
 public:
  static constexpr unsigned kFiles = 4;
  explicit Dump(Device& device) : device_(device) {}
  bool wanted() const { return wanted_; }
  void begin(std::string_view why);
  void memory(std::uint32_t address, std::span<const std::byte> bytes);  // pieces that follow one another
  void finish();                                                         // writes the file, on a thread of its own
  // Of what is written: after it, the files are there.
  void drain() {
    if (worker_ != nullptr) worker_->drain();
  }

 private:
  Device& device_;
  bool wanted_ = false;
  unsigned number_ = 0;
  std::string text_;
  std::uint32_t first_ = 0;  // address of `memory_`, in dwords
  std::vector<std::byte> memory_;
  std::unique_ptr<hal::Worker> worker_;
};

}  // namespace qla
