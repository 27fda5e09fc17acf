// What the firmware tells the host, one event at a time: mailbox answers, asynchronous events, news in the queues.
//
// An event is presented in the host status register and the output mailboxes, stays until the host retires it, and only
// then the next one comes. Queue news are coalesced.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>

#include "drivers/qla/regs.h"
#include "emu/device_model.h"

namespace emu::qla {

namespace regs = ::qla::regs;
using Mailboxes = std::array<std::uint16_t, regs::kMailboxes>;

class Events {
 public:
  explicit Events(ModelHost& host) : host_(host) {}
  void post_mailbox(regs::InterruptCode code, const Mailboxes& out);
  void post_async(regs::AsyncEvent event, std::initializer_list<std::uint16_t> parameters = {});
  void post_responses() { responses_ = true; }
  void post_atios() { atios_ = true; }
  void set_vectors(unsigned responses, unsigned atios);  // MSI-X; 0: as everything else

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

  ModelHost& host_;
  std::deque<Event> waiting_;
  bool responses_ = false, atios_ = false;
  bool presented_ = false, enabled_ = false;
  unsigned vector_ = 0, response_vector_ = 0, atio_vector_ = 0;
  regs::HostStatus status_;
  Mailboxes out_{};
};

}  // namespace emu::qla
