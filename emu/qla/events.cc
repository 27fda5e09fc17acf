// Presenting one event at a time.
#include "emu/qla/events.h"

#include <algorithm>

namespace emu::qla {
namespace {
constexpr std::uint8_t kAsyncMailboxes = 8;
}  // namespace

void Events::post_mailbox(regs::InterruptCode code, const Mailboxes& out) {
  waiting_.push_back({code, regs::kMailboxes, out});
}

void Events::post_async(regs::AsyncEvent event, std::initializer_list<std::uint16_t> parameters) {
  Event posted{regs::InterruptCode::kAsyncEvent, kAsyncMailboxes, {}};
  posted.values[0] = static_cast<std::uint16_t>(event);
  std::copy(parameters.begin(), parameters.end(), posted.values.begin() + 1);
  waiting_.push_back(posted);
}

void Events::post_responses(const QueueInterrupt& interrupt) {
  if (!message(interrupt)) responses_.set(interrupt.vector % kMostVectors);
}

void Events::post_atios(const QueueInterrupt& interrupt) {
  if (!message(interrupt)) atios_.set(interrupt.vector % kMostVectors);
}

bool Events::message(const QueueInterrupt& interrupt) {
  if (interrupt.handshake || interrupt.vector == 0 || host_.interrupts() != hal::InterruptKind::kMsix) return false;
  messages_.set(interrupt.vector % kMostVectors);
  return true;
}

bool Events::send_messages() {
  if (messages_.none() || !enabled_) return false;
  for (unsigned vector = 0; vector < kMostVectors; ++vector)
    if (messages_.test(vector)) host_.raise(vector);
  messages_.reset();
  return true;
}

bool Events::poll() {
  const bool sent = send_messages();
  if (presented_) return sent;
  if (!waiting_.empty()) {
    present(waiting_.front());
    waiting_.pop_front();
  } else if (responses_.any() || atios_.any()) {
    present_queues();
  } else {
    return sent;
  }
  presented_ = true;
  signal();
  return true;
}

void Events::present(const Event& event) {
  std::copy_n(event.values.begin(), event.count, out_.begin());
  vector_ = 0;
  status_ = {};
  status_.set<regs::HostStatus::Mailbox0>(event.values[0])
      .set<regs::HostStatus::RiscInterrupt>(true)
      .set<regs::HostStatus::Code>(event.code);
}

void Events::present_queues() {
  // Without MSI-X there is one interrupt for all.
  const bool apart = host_.interrupts() == hal::InterruptKind::kMsix;
  const Vectors all = responses_ | atios_;
  vector_ = 0;
  while (!all.test(vector_)) ++vector_;
  const Vectors now = apart ? Vectors().set(vector_) : all;
  const bool atio = (atios_ & now).any(), both = atio && (responses_ & now).any();
  status_ = {};
  status_.set<regs::HostStatus::RiscInterrupt>(true).set<regs::HostStatus::Code>(
      both   ? regs::InterruptCode::kAtioAndResponseQueue
      : atio ? chip_.atio_event
             : chip_.response_event);
  responses_ &= ~now;
  atios_ &= ~now;
}

void Events::retire() {
  presented_ = false;
  status_ = {};
  signal();
}

void Events::enable(bool on) {
  if (enabled_ == on) return;
  enabled_ = on;
  signal();
}

void Events::signal() {
  const bool on = presented_ && enabled_;
  switch (host_.interrupts()) {
    case hal::InterruptKind::kNone:
      break;
    case hal::InterruptKind::kIntx:
      host_.set_intx(on);
      break;
    case hal::InterruptKind::kMsi:
      if (on) host_.raise(0);
      break;
    case hal::InterruptKind::kMsix:
      if (on) host_.raise(vector_);
      break;
  }
}

void Events::clear() {
  waiting_.clear();
  responses_.reset();
  atios_.reset();
  messages_.reset();
  presented_ = enabled_ = false;
  vector_ = 0;
  status_ = {};
  out_ = {};
  if (host_.interrupts() == hal::InterruptKind::kIntx) host_.set_intx(false);
}

}  // namespace emu::qla
