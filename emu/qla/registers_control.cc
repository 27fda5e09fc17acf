// Registers that do something: flash access, reset, host commands.
#include <fmt/format.h>

#include "emu/qla/registers.h"

namespace emu::qla {

using regs::Command;
using regs::ControlStatus;
using regs::FlashAddress;

void Registers::reset() { now_ = {}; }

// The chip takes its time: the bit turns over at the second look.
std::uint32_t Registers::read_flash_address() {
  if (now_.flash_busy) {
    now_.flash_busy = false;
    return FlashAddress::Done::set(now_.flash_address, !FlashAddress::Done::get(now_.flash_address));
  }
  return now_.flash_address;
}

void Registers::write_flash_address(std::uint32_t value) {
  const std::uint32_t address = FlashAddress::Address::get(value);
  Flash& flash = firmware_.core.flash;
  now_.flash_busy = true;
  if (!FlashAddress::Done::get(value)) {
    now_.flash_data = flash.read(address);
    now_.flash_address = FlashAddress::Done::set(value, true);
    return;
  }
  now_.flash_address = FlashAddress::Done::set(value, false);
  if (!ControlStatus::FlashWriteEnable::get(now_.control))
    return firmware_.core.host.fault(fmt::format("flash write at {:08x} while writing is not enabled", address));
  flash.write(address, now_.flash_data);
}

std::uint32_t Registers::read_control() const {
  std::uint32_t value = now_.control;
  value = ControlStatus::SoftReset::set(value, now_.reset_asked);
  value = ControlStatus::DmaActive::set(value, false);
  return ControlStatus::Function::set(value, firmware_.function != 0);
}

void Registers::write_control(std::uint32_t value) {
  now_.control = ControlStatus::WriteBurst::of(ControlStatus::WriteBurst::get(value)) |
                 ControlStatus::FlashWriteEnable::of(ControlStatus::FlashWriteEnable::get(value)) |
                 ControlStatus::StopDma::of(ControlStatus::StopDma::get(value));
  if (ControlStatus::SoftReset::get(value)) now_.reset_asked = true;
}

bool Registers::poll() {
  if (!now_.reset_asked) return false;
  const std::uint32_t burst = ControlStatus::WriteBurst::of(ControlStatus::WriteBurst::get(now_.control));
  reset();
  now_.control = burst;
  firmware_.reset();
  return true;
}

void Registers::write_command(std::uint32_t value) {
  switch (regs::HostCommand::Value::get(value)) {
    case Command::kNone:
      return;
    case Command::kSetRiscReset:
      now_.risc_reset = true;
      return;
    case Command::kClearRiscReset:
      now_.risc_reset = false;
      return;
    case Command::kPause:
      now_.paused = true;
      return;
    case Command::kReleasePause:
      now_.paused = false;
      return;
    case Command::kSetHostInterrupt:
      if (now_.risc_reset) return firmware_.core.host.fault("mailbox command while the RISC is in reset");
      return firmware_.mailboxes.command_ready();
    case Command::kClearHostInterrupt:
      return;
    case Command::kClearRiscInterrupt:
      return firmware_.core.events.retire();
  }
  firmware_.core.host.fault(fmt::format("host command {:08x}", value));
}

}  // namespace emu::qla
