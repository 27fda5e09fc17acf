// What the parts of the firmware share: host, rings, events, handles, the port on the link, and how it was set up.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emu/fc/n_port.h"
#include "emu/qla/chip.h"
#include "emu/qla/events.h"
#include "emu/qla/flash.h"
#include "emu/qla/handles.h"
#include "emu/qla/memory.h"
#include "emu/qla/queues.h"
#include "emu/qla/ram.h"

namespace emu::qla {

enum class Phase : std::uint8_t { kRom, kLoaded, kRunning, kCrashed };

// Where the answer to a request goes.
struct Origin {
  std::uint8_t request = 0;   // number of the queue that it came by
  std::uint8_t response = 0;  // and of the one that its answer goes to
  bool mailbox = false;       // it came by command 54: the answer replaces it in memory, and the command is done
  std::uint64_t address = 0;  // then: where
};

struct Request {  // one IOCB with its continuations
  std::span<wire::Entry> entries;
  Origin origin;
  bool miscounted = false;
  wire::EntryHead& head() const { return entries[0].head; }
  template <class T>
  T as() const {
    return std::bit_cast<T>(entries[0]);
  }
};

class MailboxUnit;

struct Core {
  Core(ModelHost& the_host, const Chip& the_chip, emu::Wire& link, fc::NPortUser& user)
      : host(the_host),
        chip(the_chip),
        events(host, chip),
        flash(chip.flash),
        queues(host, chip),
        port(link, fc::NPortSettings{}, user) {}

  ModelHost& host;
  const Chip& chip;
  Events events;
  Flash flash;
  Ram ram;
  Queues queues;
  Handles handles;
  fc::NPort port;
  MailboxUnit* mailboxes = nullptr;

  Phase phase = Phase::kRom;
  wire::InitBlock init{};
  bool multi_id = false;                 // command 48: virtual ports, and Report-ID entries
  std::uint16_t options[3] = {};         // command 38: mailboxes 1 to 3
  bool flash_writable = false;           // command 3E
  std::array<std::uint8_t, 32> purex{};  // command 59: ELS commands that go to the host whole
  hal::fc::Wwn port_name, node_name;
  std::map<std::string_view, std::uint64_t> counters;

  bool target() const { return wire::InitBlock::TargetMode::get(init.options1); }
  bool initiator() const { return !wire::InitBlock::NoInitiatorMode::get(init.options1); }
  void count(std::string_view what) { ++counters[what]; }

  template <class T>
  void respond(const T& entry) {
    static_assert(sizeof(T) == wire::kEntryBytes);
    push(queues.response(0), std::bit_cast<wire::Entry>(entry), regs::AsyncEvent::kResponseDmaError);
  }
  // Immediate notifications. ABTS too where the host asked for it, else those come through the response queue.
  template <class T>
  void notify(const T& entry) {
    static_assert(sizeof(T) == wire::kEntryBytes);
    push(queues.atios, std::bit_cast<wire::Entry>(entry), regs::AsyncEvent::kResponseDmaError);
  }
  bool aborts_in_atio_queue() const { return chip.aborts_in_atio_queue && (options[1] & 1u << 11) != 0; }
  template <class T>
  void answer(const Origin& origin, const T& entry) {
    answer_entry(origin, std::bit_cast<wire::Entry>(entry));
  }
  // The firmware refuses the entry as such: it comes back with its status set.
  void refuse(const Request& request, std::uint8_t status) {
    wire::Entry entry = request.entries[0];
    entry.head.status = status;
    entry.head.count = 1;
    answer_entry(request.origin, entry);
  }

 private:
  void push(EntryQueue& queue, const wire::Entry& entry, regs::AsyncEvent failure) {
    if (!queue.push(entry)) events.post_async(failure);
  }
  void answer_entry(const Origin& origin, const wire::Entry& entry);
};

template <class T>
wire::Entry to_entry(const T& entry) {
  return std::bit_cast<wire::Entry>(entry);
}
template <class T>
T fresh(wire::EntryType type) {  // an entry of the firmware's own
  T entry{};
  auto raw = std::bit_cast<wire::Entry>(entry);
  raw.head.type = static_cast<std::uint8_t>(type);
  raw.head.count = 1;
  return std::bit_cast<T>(raw);
}

}  // namespace emu::qla
