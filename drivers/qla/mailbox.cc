// Mailbox commands: writing them, reading their answers, limits.
#include "drivers/qla/mailbox.h"

#include <fmt/format.h>

#include "base/check.h"

namespace qla {

MailboxCall& MailboxCall::command(regs::MailboxCommand number) {
  CHECK(idle());
  in_mask = 0;
  out_mask = 1;
  return set(0, static_cast<std::uint16_t>(number));
}

MailboxCall& MailboxCall::set(unsigned mailbox, std::uint32_t value) {
  in[mailbox] = static_cast<std::uint16_t>(value);
  in_mask |= 1u << mailbox;
  return *this;
}

MailboxCall& MailboxCall::address(hal::Iova buffer) {
  return set(2, static_cast<std::uint16_t>(buffer.raw >> 16))
      .set(3, static_cast<std::uint16_t>(buffer.raw))
      .set(6, static_cast<std::uint16_t>(buffer.raw >> 48))
      .set(7, static_cast<std::uint16_t>(buffer.raw >> 32));
}

MailboxCall& MailboxCall::wants(std::uint32_t mailboxes) {
  out_mask |= mailboxes;
  return *this;
}

void MailboxPort::issue(MailboxCall& call) {
  CHECK(call.idle());
  call.state = MailboxCall::State::kWaiting;
  if (running_ != nullptr) {
    waiting_.push_back(call);
  } else {
    begin(call);
  }
}

void MailboxPort::begin(MailboxCall& call) {
  running_ = &call;
  call.state = MailboxCall::State::kRunning;
  deadline_ = device_.reactor.now() + call.limit;
  for (unsigned i = 0; i < regs::kMailboxes; ++i) {
    if ((call.in_mask >> i & 1) == 0) continue;
    regs::Mailbox value;
    value.raw = call.in[i];
    device_.registers.write(value, i);
  }
  device_.registers.write(regs::HostCommand{}.set<regs::HostCommand::Value>(regs::Command::kSetHostInterrupt));
}

void MailboxPort::answered() {
  if (running_ == nullptr) return device_.wrong(Count::kWrongMailboxAnswer, "answer to no mailbox command");
  MailboxCall& call = *running_;
  for (unsigned i = 0; i < regs::kMailboxes; ++i) {
    if ((call.out_mask >> i & 1) != 0) call.out[i] = device_.registers.read<regs::Mailbox>(i).raw;
  }
  device_.note(Event::kMailbox, "", std::uint64_t{call.in[0]} << 16 | call.out[0]);
  call.state = MailboxCall::State::kAnswered;
  running_ = nullptr;
  if (MailboxCall* const next = waiting_.pop_front()) begin(*next);
}

void MailboxPort::check_limit(base::Time now) {
  if (running_ == nullptr || now < deadline_) return;
  device_.fail(fmt::format("no answer to mailbox command {:02x}", running_->in[0]));
  cancel();
}

void MailboxPort::cancel() {
  if (running_ != nullptr) running_->state = MailboxCall::State::kCancelled;
  running_ = nullptr;
  while (MailboxCall* const call = waiting_.pop_front()) call->state = MailboxCall::State::kCancelled;
}

}  // namespace qla
