// What the firmware tells the host, one event at a time: mailbox answers, asynchronous events, news in the queues.
//
// An event is presented in the host status register and the output mailboxes, stays until the host retires it, and only
// then the next one comes. Queue news are coalesced. A queue with a message of its own and no handshake is apart: its
// message comes whenever it has news, and there is no event.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <initializer_list>

#include "drivers/qla/regs.h"
#include "emu/device_model.h"
#include "emu/qla/chip.h"

namespace emu::qla {

namespace regs = ::qla::regs;
using Mailboxes = std::array<std::uint16_t, regs::kMailboxes>;

// How the host is told of news in a queue.
struct QueueInterrupt {
  std::uint16_t vector = 0;  // MSI-X
  bool handshake = true;     // by an event, which it retires
};

class Events {
 public:
  static constexpr std::size_t kMostVectors = 64;
  Events(ModelHost& host, const Chip& chip) : host_(host), chip_(chip) {}
  void post_mailbox(regs::InterruptCode code, const Mailboxes& out);
  void post_async(regs::AsyncEvent event, std::initializer_list<std::uint16_t> parameters = {});
  void post_responses(const QueueInterrupt& interrupt);
  void post_atios(const QueueInterrupt& interrupt);

  bool poll();  // presents what is next, if nothing is
  void retire();
  void enable(bool on);
  bool enabled() const { return enabled_; }
  void interrupts_changed() { signal(); }
  void clear();  // reset
  void set_output(unsigned index, std::uint16_t value) { out_[index] = value; }

  bool pending() const { return presented_; }
  regs::HostStatus status() const { return status_; }
  std::uint16_t mailbox(unsigned index) const { return out_[index]; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Event {
    regs::InterruptCode code;
    std::uint8_t count;  // of output mailboxes that it fills
    Mailboxes values;
  };
  void present(const Event& event);
  void present_queues();
  void signal();
  bool message(const QueueInterrupt& interrupt);
  bool send_messages();

  ModelHost& host_;
  const Chip& chip_;
  std::deque<Event> waiting_;
  using Vectors = std::bitset<kMostVectors>;
  Vectors responses_, atios_;  // queues with news, by vector
  Vectors messages_;           // without handshake, not sent yet
  bool presented_ = false, enabled_ = false;
  unsigned vector_ = 0;
  regs::HostStatus status_;
  Mailboxes out_{};
};

}  // namespace emu::qla
