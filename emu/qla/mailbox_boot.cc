// Mailbox commands of the boot code: tests, RAM and flash through host memory, start and stop of the firmware.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "emu/qla/firmware.h"

namespace emu::qla {
namespace {

MailboxAnswer no_operation(Firmware&, MailboxCall&) { return MailboxStatus::kOk; }

MailboxAnswer execute_firmware(Firmware& firmware, MailboxCall& call) {
  firmware.core.phase = Phase::kLoaded;
  call.out[2] = firmware.core.chip.ability;
  call.out[3] = 0;
  return MailboxStatus::kOk;
}

std::uint32_t extended_address(const MailboxCall& call) { return std::uint32_t{call[8]} << 16 | call[1]; }
std::uint32_t extended_count(const MailboxCall& call) { return std::uint32_t{call[4]} << 16 | call[5]; }

// Where the address is in flash, and the host has enabled that.
MailboxAnswer write_flash(Core& core, MailboxCall& call) {
  const std::uint32_t to = extended_address(call), count = extended_count(call);
  if (!core.flash_writable) {
    core.host.fault(fmt::format("flash write at {:08x} while it is protected", to));
    return MailboxStatus::kCommandError;
  }
  for (std::uint32_t at = 0; at < count; ++at) {
    const auto value = read_host<base::le32>(core.host, call.address() + std::uint64_t{at} * 4);
    if (!value) return MailboxStatus::kParameterError;
    core.flash.write(to + at, *value);
  }
  return MailboxStatus::kOk;
}

MailboxAnswer load_ram(Firmware& firmware, MailboxCall& call) {
  if (firmware.core.flash.holds(extended_address(call))) return write_flash(firmware.core, call);
  if (firmware.core.phase != Phase::kRom) return MailboxStatus::kCommandError;
  std::array<std::byte, 4096> part;
  const std::uint32_t to = extended_address(call);
  const std::uint64_t size = std::uint64_t{extended_count(call)} * 4;
  for (std::uint64_t at = 0; at < size; at += part.size()) {
    const auto bytes = std::span(part).first(std::min<std::uint64_t>(part.size(), size - at));
    if (!firmware.core.host.dma_read({call.address() + at}, bytes)) return MailboxStatus::kParameterError;
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      base::le32 dword;
      std::memcpy(static_cast<void*>(&dword), &bytes[i], 4);
      firmware.core.ram.write(to + static_cast<std::uint32_t>((at + i) / 4), dword);
    }
  }
  return MailboxStatus::kOk;
}

// Flash where the address is in flash; elsewhere the RAM of the RISC.
MailboxAnswer dump_ram(Firmware& firmware, MailboxCall& call) {
  std::array<base::le32, 1024> part;
  const std::uint32_t from = extended_address(call), count = extended_count(call);
  for (std::uint32_t at = 0; at < count;) {
    const std::uint32_t words = std::min<std::uint32_t>(static_cast<std::uint32_t>(part.size()), count - at);
    for (std::uint32_t i = 0; i < words; ++i) {
      const std::uint32_t address = from + at + i;
      part[i] =
          firmware.core.flash.holds(address) ? firmware.core.flash.read(address) : firmware.core.ram.read(address);
    }
    const auto bytes = std::as_bytes(std::span(part).first(words));
    if (!firmware.core.host.dma_write({call.address() + std::uint64_t{at} * 4}, bytes))
      return MailboxStatus::kParameterError;
    at += words;
  }
  return MailboxStatus::kOk;
}

MailboxAnswer dump_risc_ram(Firmware& firmware, MailboxCall& call) {
  const std::array<std::byte, 4096> zeros{};
  for (std::uint32_t at = 0, size = call[4] * 2u; at < size; at += 4096) {
    const auto bytes = std::span(zeros).first(std::min<std::uint32_t>(4096, size - at));
    if (!firmware.core.host.dma_write({call.address() + at}, bytes)) return MailboxStatus::kParameterError;
  }
  return MailboxStatus::kOk;
}

MailboxAnswer read_word(Firmware&, MailboxCall& call) {
  call.out[2] = call.out[3] = 0;
  return MailboxStatus::kOk;
}

MailboxAnswer flash_access(Firmware& firmware, MailboxCall& call) {
  Core& core = firmware.core;
  if (core.chip.flash.layout == 0) return MailboxStatus::kInvalidCommand;
  switch (static_cast<regs::FlashAccess>(call[1] & 0xFF)) {
    case regs::FlashAccess::kWriteProtect:
    case regs::FlashAccess::kWriteEnable:
      core.flash_writable = static_cast<regs::FlashAccess>(call[1] & 0xFF) == regs::FlashAccess::kWriteEnable;
      return MailboxStatus::kOk;
    case regs::FlashAccess::kLock:
    case regs::FlashAccess::kUnlock:
      return MailboxStatus::kOk;
    case regs::FlashAccess::kSectorSize:
      call.out[1] = static_cast<std::uint16_t>(Flash::kSectorDwords);
      return MailboxStatus::kOk;
    case regs::FlashAccess::kEraseSectors: {
      const std::uint32_t first = std::uint32_t{call[3]} << 16 | call[2], last = std::uint32_t{call[5]} << 16 | call[4];
      if (!core.flash.holds(first) || !core.flash.holds(last) || last < first) return MailboxStatus::kParameterError;
      if (!core.flash_writable) return MailboxStatus::kCommandError;
      for (std::uint32_t at = first; at <= last; at += Flash::kSectorDwords) core.flash.erase(at);
      return MailboxStatus::kOk;
    }
  }
  return MailboxStatus::kParameterError;
}

MailboxAnswer verify_checksum(Firmware&, MailboxCall&) { return MailboxStatus::kOk; }

MailboxAnswer stop_firmware(Firmware& firmware, MailboxCall&) {
  firmware.stop();
  return MailboxStatus::kOk;
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kNoOperation, "no operation", kAlways, 0, no_operation},
    {MailboxCommand::kExecuteFirmware, "execute firmware", kInRom, mask({2, 3}), execute_firmware},
    {MailboxCommand::kReadRamWord, "read RAM word", kAlways, mask({2}), read_word},
    {MailboxCommand::kRegisterTest, "register test", kAlways, mask({1, 2, 3, 4, 5, 6, 7}), no_operation},
    {MailboxCommand::kVerifyChecksum, "verify checksum", kInRom, 0, verify_checksum},
    {MailboxCommand::kLoadRiscRam, "load RISC RAM", kAlways, 0, no_operation},
    {MailboxCommand::kDumpRiscRam, "dump RISC RAM", kAlways, 0, dump_risc_ram},
    {MailboxCommand::kLoadRam, "load RAM", kAlways, 0, load_ram},
    {MailboxCommand::kDumpRam, "dump RAM", kAlways, 0, dump_ram},
    {MailboxCommand::kWriteRamWord, "write RAM word", kAlways, 0, no_operation},
    {MailboxCommand::kReadRamWordExtended, "read RAM word, extended", kAlways, mask({2, 3}), read_word},
    {MailboxCommand::kFlashAccess, "flash access", kWithFirmware, mask({1}), flash_access},
    {MailboxCommand::kStopFirmware, "stop firmware", kWithFirmware, 0, stop_firmware},
};

}  // namespace

std::span<const MailboxRow> boot_commands() { return kRows; }

}  // namespace emu::qla
