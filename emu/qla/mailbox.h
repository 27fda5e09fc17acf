// Mailbox commands: one at a time, looked up in a table, answered by an event.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "emu/qla/core.h"

namespace emu::qla {

struct Firmware;
using regs::MailboxCommand;
using regs::MailboxStatus;

struct MailboxCall {
  Mailboxes in{};
  Mailboxes out{};  // at first as `in`: adapters echo what they do not set
  bool from_entry = false;
  std::uint16_t operator[](unsigned index) const { return in[index]; }
  // Most commands have a buffer address in mailboxes 2, 3, 6, 7.
  std::uint64_t address() const {
    return std::uint64_t{in[6]} << 48 | std::uint64_t{in[7]} << 32 | std::uint64_t{in[2]} << 16 | in[3];
  }
};

// Nothing: the answer comes later, by MailboxUnit::finish().
using MailboxAnswer = std::optional<MailboxStatus>;

constexpr std::uint8_t kInRom = 1, kInLoaded = 2, kInRunning = 4;
constexpr std::uint8_t kAlways = kInRom | kInLoaded | kInRunning, kWithFirmware = kInLoaded | kInRunning;

struct MailboxRow {
  MailboxCommand command;
  std::string_view name;
  std::uint8_t phases;
  std::uint32_t out;  // output mailboxes that it sets, besides 0
  MailboxAnswer (*handler)(Firmware&, MailboxCall&);
};

// By theme, in files of their own.
std::span<const MailboxRow> boot_commands();        // RAM, flash, start of the firmware
std::span<const MailboxRow> firmware_commands();    // versions, counts, options, timers
std::span<const MailboxRow> initialize_commands();  // initialisation blocks
std::span<const MailboxRow> queue_commands();       // more queues
std::span<const MailboxRow> link_commands();        // state, identity, rate, initialisation of the link
std::span<const MailboxRow> port_commands();        // remote ports: database, names, lists
std::span<const MailboxRow> data_commands();        // IOCBs by mailbox, parameters, statistics, diagnosis

constexpr std::uint32_t mask(std::initializer_list<unsigned> mailboxes) {
  std::uint32_t bits = 0;
  for (unsigned m : mailboxes) bits |= 1u << m;
  return bits;
}

class MailboxUnit {
 public:
  explicit MailboxUnit(Firmware& firmware) : firmware_(firmware) {}
  void set_input(unsigned index, std::uint16_t value) { in_[index] = value; }
  void command_ready();  // the host's doorbell
  bool waiting() const { return ready_; }
  bool poll();
  MailboxAnswer execute(MailboxCall& call);  // also of mailbox entries
  void finish(MailboxStatus status);         // of a command that answers later
  void lose(unsigned commands) { lost_ = commands; }
  void reset();

 private:
  void post(MailboxStatus status, const Mailboxes& out, Phase phase);
  Firmware& firmware_;
  Mailboxes in_{};
  bool ready_ = false;        // a command lies in in_
  bool outstanding_ = false;  // and was not answered yet
  unsigned lost_ = 0;         // commands that will not be answered: a fault on request
  MailboxCall current_;
};

}  // namespace emu::qla
