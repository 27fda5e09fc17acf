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

void Events::set_vectors(unsigned responses, unsigned atios) {
  response_vector_ = responses;
  atio_vector_ = atios;
}

bool Events::poll() {
  if (presented_) return false;
  if (!waiting_.empty()) {
    present(waiting_.front());
    waiting_.pop_front();
  } else if (responses_ || atios_) {
    present_queues();
  } else {
    return false;
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
  const bool apart = response_vector_ != atio_vector_ && host_.interrupts() == hal::InterruptKind::kMsix;
  const bool both = responses_ && atios_ && !apart;
  const bool atio = atios_;
  status_ = {};
  status_.set<regs::HostStatus::RiscInterrupt>(true).set<regs::HostStatus::Code>(
      both   ? regs::InterruptCode::kAtioAndResponseQueue
      : atio ? regs::InterruptCode::kAtioQueue
             : regs::InterruptCode::kResponseQueue);
  vector_ = atio ? atio_vector_ : response_vector_;
  if (both || !atio) responses_ = false;
  if (atio) atios_ = false;
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
  responses_ = atios_ = presented_ = enabled_ = false;
  response_vector_ = atio_vector_ = vector_ = 0;
  status_ = {};
  out_ = {};
  if (host_.interrupts() == hal::InterruptKind::kIntx) host_.set_intx(false);
}

}  // namespace emu::qla
