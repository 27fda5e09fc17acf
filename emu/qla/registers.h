// The classic register window: what each register reads as and what a write of it does.
#pragma once

#include <cstdint>

#include "emu/qla/firmware.h"

namespace emu::qla {

class Registers {
 public:
  explicit Registers(Firmware& firmware) : firmware_(firmware) {}
  std::uint32_t read(std::uint32_t offset, unsigned width);
  void write(std::uint32_t offset, unsigned width, std::uint32_t value);
  void reset();
  bool poll();  // what a write has asked for and takes its time: reset
  bool paused() const { return now_.paused; }
  struct Row;

 private:
  friend struct RegisterTable;
  std::uint32_t read_flash_address();
  void write_flash_address(std::uint32_t value);
  std::uint32_t read_control() const;
  void write_control(std::uint32_t value);
  void write_command(std::uint32_t value);
  std::uint32_t read_mailbox(std::uint32_t offset, unsigned width) const;
  void write_mailbox(std::uint32_t offset, unsigned width, std::uint32_t value);
  const Row* find(std::uint32_t offset, unsigned width) const;
  std::uint32_t undefined(std::uint32_t offset, unsigned width, const char* access);

  Firmware& firmware_;
  struct Values {
    std::uint32_t flash_address = 0, flash_data = 0, control = 0;
    std::uint32_t gpio_data = 0, gpio_enable = 0, window_base = 0, semaphore = 0;
    bool flash_busy = false;   // shows for one read of the address register
    bool reset_asked = false;  // soft reset, until poll()
    bool risc_reset = false, paused = false;
  };
  Values now_;
};

}  // namespace emu::qla
