// Looking up and answering mailbox commands.
#include "emu/qla/mailbox.h"

#include <fmt/format.h>

#include "emu/qla/firmware.h"

namespace emu::qla {
namespace {

const MailboxRow* find_row(std::uint16_t command) {
  static const auto table = [] {
    std::array<const MailboxRow*, 0x100> rows{};
    for (auto theme : {boot_commands(), firmware_commands(), initialize_commands(), queue_commands(), link_commands(),
                       port_commands(), data_commands()})
      for (const MailboxRow& row : theme) rows[static_cast<std::size_t>(row.command)] = &row;
    return rows;
  }();
  return command < table.size() ? table[command] : nullptr;
}

std::uint8_t bit_of(Phase phase) {
  switch (phase) {
    case Phase::kRom:
      return kInRom;
    case Phase::kLoaded:
      return kInLoaded;
    case Phase::kRunning:
      return kInRunning;
    case Phase::kCrashed:
      break;
  }
  return 0;
}

}  // namespace

void MailboxUnit::command_ready() {
  if (outstanding_)
    firmware_.core.host.fault(fmt::format("mailbox command {:04x} while {:04x} is out", in_[0], current_.in[0]));
  current_ = {in_, in_, false};
  ready_ = outstanding_ = true;
}

bool MailboxUnit::poll() {
  if (!ready_ || firmware_.core.phase == Phase::kCrashed) return false;
  ready_ = false;
  if (lost_ > 0) {
    --lost_;
    return true;
  }
  firmware_.core.count("mailbox commands");
  const Phase phase = firmware_.core.phase;
  const MailboxAnswer answer = execute(current_);
  if (answer) post(*answer, current_.out, phase);
  return true;
}

MailboxAnswer MailboxUnit::execute(MailboxCall& call) {
  Core& core = firmware_.core;
  const MailboxRow* row = find_row(call[0]);
  if (row == nullptr) {
    core.count("unsupported mailbox commands");
    return MailboxStatus::kInvalidCommand;
  }
  if ((row->phases & bit_of(core.phase)) == 0) {
    core.count("mailbox commands out of place");
    return core.phase == Phase::kRom ? MailboxStatus::kInvalidCommand : MailboxStatus::kCommandError;
  }
  return row->handler(firmware_, call);
}

void MailboxUnit::finish(MailboxStatus status) {
  if (outstanding_) post(status, current_.out, firmware_.core.phase);
}

void MailboxUnit::post(MailboxStatus status, const Mailboxes& out, Phase phase) {
  outstanding_ = false;
  Mailboxes values = out;
  values[0] = static_cast<std::uint16_t>(status);
  const bool ok = status == MailboxStatus::kOk, rom = phase == Phase::kRom;
  firmware_.core.events.post_mailbox(
      rom ? (ok ? regs::InterruptCode::kRomMailboxDone : regs::InterruptCode::kRomMailboxFailed)
          : (ok ? regs::InterruptCode::kMailboxDone : regs::InterruptCode::kMailboxFailed),
      values);
}

void MailboxUnit::reset() {
  in_ = {};
  ready_ = outstanding_ = false;
  lost_ = 0;
  current_ = {};
}

}  // namespace emu::qla
