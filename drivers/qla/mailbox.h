// The mailbox of the adapter: one command at a time, each with a limit; more wait in order.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "drivers/qla/device.h"
#include "drivers/qla/regs.h"
#include "hal/dma.h"

namespace qla {

// Owned by whoever asks; must stay until it is answered or cancelled.
struct MailboxCall : base::ListHook<MailboxCall> {
  enum class State : std::uint8_t { kIdle, kWaiting, kRunning, kAnswered, kCancelled };

  // Begins anew: nothing in, mailbox 0 out.
  MailboxCall& command(regs::MailboxCommand number);
  MailboxCall& set(unsigned mailbox, std::uint32_t value);
  // The usual places of a buffer's address: 2, 3, 6, 7.
  MailboxCall& address(hal::Iova buffer);
  MailboxCall& wants(std::uint32_t mailboxes);  // bit mask of those to read back

  bool idle() const { return state == State::kIdle || state == State::kAnswered || state == State::kCancelled; }
  bool ok() const {
    return state == State::kAnswered && out[0] == static_cast<std::uint16_t>(regs::MailboxStatus::kOk);
  }
  regs::MailboxStatus status() const { return static_cast<regs::MailboxStatus>(out[0]); }

  State state = State::kIdle;
  std::array<std::uint16_t, regs::kMailboxes> in{}, out{};
  std::uint32_t in_mask = 0, out_mask = 1;
  base::Duration limit = std::chrono::seconds(10);
};

class MailboxPort {
 public:
  explicit MailboxPort(Device& device) : device_(device) {}
  ~MailboxPort() { cancel(); }
  void issue(MailboxCall& call);
  bool busy() const { return running_ != nullptr; }
  void answered();                   // an event says that the output mailboxes hold an answer
  void check_limit(base::Time now);  // a command that is out for too long is a failure of the adapter
  void cancel();                     // at a reset: nothing more is answered

 private:
  void begin(MailboxCall& call);
  Device& device_;
  MailboxCall* running_ = nullptr;
  base::Time deadline_{};
  base::IntrusiveList<MailboxCall> waiting_;
};

}  // namespace qla
