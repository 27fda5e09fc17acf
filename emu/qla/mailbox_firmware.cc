// Mailbox commands about the firmware itself: version, resources, options, timers, trace.
#include "emu/qla/firmware.h"
#include "emu/qla/ram.h"

namespace emu::qla {
namespace {

MailboxAnswer version(Firmware& firmware, MailboxCall& call) {
  const Chip& chip = firmware.core.chip;
  for (unsigned i = 0; i < 3; ++i) call.out[1 + i] = chip.version[i];
  call.out[4] = kEndOfMemory & 0xFFFF;
  call.out[5] = kEndOfMemory >> 16;
  call.out[6] = chip.attributes;
  for (unsigned i = 7; i < regs::kMailboxes; ++i) call.out[i] = 0;
  return MailboxStatus::kOk;
}

MailboxAnswer resource_counts(Firmware& firmware, MailboxCall& call) {
  const Chip& chip = firmware.core.chip;
  for (unsigned mailbox : {1u, 2u, 3u, 6u, 7u, 10u}) call.out[mailbox] = chip.exchanges;
  call.out[11] = chip.virtual_ports;
  call.out[12] = 0;
  return MailboxStatus::kOk;
}

MailboxAnswer set_options(Firmware& firmware, MailboxCall& call) {
  for (unsigned i = 0; i < 3; ++i) firmware.core.options[i] = call[1 + i];
  if (firmware.core.phase == Phase::kRunning) firmware.apply_link_services();
  return MailboxStatus::kOk;
}

MailboxAnswer get_options(Firmware& firmware, MailboxCall& call) {
  for (unsigned i = 0; i < 3; ++i) call.out[1 + i] = firmware.core.options[i];
  return MailboxStatus::kOk;
}

// Retry count and delay, and R_A_TOV: half of mailbox 3 is what hosts use, in 100 ms.
MailboxAnswer get_timeouts(Firmware&, MailboxCall& call) {
  call.out[1] = 8;
  call.out[2] = 0;
  call.out[3] = 200;
  return MailboxStatus::kOk;
}

MailboxAnswer accept(Firmware&, MailboxCall&) { return MailboxStatus::kOk; }

// The trace is never written: hosts need it for dumps only.
MailboxAnswer trace_control(Firmware&, MailboxCall&) { return MailboxStatus::kOk; }

MailboxAnswer generate_system_error(Firmware& firmware, MailboxCall&) {
  firmware.crash();
  return std::nullopt;
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kFirmwareVersion, "firmware version", kWithFirmware, 0xFFFFFFFE, version},
    {MailboxCommand::kGetResourceCounts, "resource counts", kWithFirmware, mask({1, 2, 3, 6, 7, 10, 11, 12}),
     resource_counts},
    {MailboxCommand::kSetFirmwareOptions, "set firmware options", kWithFirmware, 0, set_options},
    {MailboxCommand::kGetFirmwareOptions, "get firmware options", kWithFirmware, mask({1, 2, 3}), get_options},
    {MailboxCommand::kGetTimeouts, "get timeouts", kWithFirmware, mask({1, 2, 3}), get_timeouts},
    {MailboxCommand::kSetTimeouts, "set timeouts", kWithFirmware, 0, accept},
    {MailboxCommand::kTraceControl, "trace control", kWithFirmware, 0, trace_control},
    {MailboxCommand::kGenerateSystemError, "generate system error", kWithFirmware, 0, generate_system_error},
};

}  // namespace

std::span<const MailboxRow> firmware_commands() { return kRows; }

}  // namespace emu::qla
