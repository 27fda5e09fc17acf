// The part of queue pairs in a reset: they let go of their rings before it, and are made anew after it.
#include <fmt/format.h>

#include "drivers/qla/bringup.h"

namespace qla {

using Cmd = regs::MailboxCommand;
using Create = regs::CreateQueue;

void Bringup::halt_pairs() { pairs_.want(PairState::kHalted, device_.epoch); }

Progress Bringup::pairs_there() {
  const QueuePair* const late = pairs_.laggard();
  if (late == nullptr) return Progress::kNext;
  error_ = fmt::format("queue {} on {} does not answer", late->number(), late->reactor_name());
  return Progress::kWait;
}

void Bringup::begin_pairs() {
  pair_ = pairs_.begin();
  pairs_work_ = regs::FirmwareAttributes::MultiQueue::get(firmware_.attributes);
  if (pairs_work_ && pair_ != pairs_.end()) create_response();
}

// The response queue first: requests name the one that answers them.
void Bringup::create_response() {
  const QueuePair& pair = **pair_;
  creating_response_ = true;
  create(Create::Response::kMask, pair.memory().response(), kResponseEntries);
  send(call_.set(14, QueuePair::vector_of(pair.number())));
}

void Bringup::create_request() {
  const QueuePair& pair = **pair_;
  creating_response_ = false;
  create(0, pair.memory().request(), kRequestEntries);
  send(call_.set(10, pair.number()));
}

void Bringup::create(std::uint16_t kind, hal::DmaSpan ring, std::uint32_t entries) {
  const auto options = static_cast<std::uint16_t>(kind | Create::Shadow::of(device_.chip.shadow));
  call_.command(Cmd::kCreateQueue).set(1, options).set(4, (*pair_)->number()).set(5, entries).set(8, 0).set(9, 0);
  call_.address(ring.iova).set(10, 0).set(11, 0).set(12, 0).set(13, 0).set(14, 0).set(15, 0);
}

Progress Bringup::poll_pairs() {
  if (pairs_.empty() || !pairs_work_) return Progress::kNext;
  if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  if (creating_response_) {
    create_request();
    return Progress::kWait;
  }
  if (++pair_ != pairs_.end()) {
    create_response();
    return Progress::kWait;
  }
  for (const auto& pair : pairs_) pair->offload_protection(device_.offloads_protection);
  pairs_.want(PairState::kRunning, device_.epoch);
  return Progress::kNext;
}

}  // namespace qla
