// The life of an exchange: what its user asks for, and how it ends.
#include "drivers/qla/queue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "drivers/qla/ctio.h"

namespace qla {
namespace {

using hal::fc::DataStatus;
using State = DataStep::State;
// A user that asks to hasten a transfer gets its answer in this time.
constexpr base::Duration kTerminateLimit = std::chrono::seconds(2);

}  // namespace

TargetQueue::TargetQueue(Site& site, RequestRing& ring, const Memory& memory, const Logins& logins, QueuePlace place)
    : site_(site),
      ring_(ring),
      memory_(memory),
      logins_(logins),
      place_(place),
      slot_count_(place.count),
      slots_(std::make_unique<Slot[]>(slot_count_)) {
  CHECK(place.first + slot_count_ <= Handle::kSlots);
  for (std::uint32_t i = slot_count_; i-- > 0;) {
    slots_[i].index = i;
    slots_[i].number = place.first + i;
    slots_[i].ctio.vp = place.vp;
    slots_[i].next_free = std::exchange(free_, &slots_[i]);
  }
}

TargetQueue::~TargetQueue() {
  while (waiting_.pop_front() != nullptr) {
  }
  while (owed_.pop_front() != nullptr) {
  }
}

void TargetQueue::terminate_data(hal::fc::Exchange& exchange) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use);
  finish_unsent(slot, DataStatus::kTerminated);
  slot.terminate_requested = true;
  slot.deadline = std::min(slot.deadline, site_.reactor.now() + kTerminateLimit);
}

void TargetQueue::send_response(hal::fc::Exchange& exchange, const hal::fc::ExchangeResponse& response) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use && slot.steps == 0 && slot.ending == Ending::kNone);
  if (!slot.alive) [[unlikely]] {
    slot.ending = Ending::kLocal;
    return owe(slot);
  }
  slot.ending = Ending::kResponse;
  const bool confirm = response.status != 0 && site_.options.confirmed_completion && slot.confirms;
  wire::Ctio7Mode0& ctio = begin_ending(slot);
  if (is_short(response)) [[likely]] {
    fill_response(ctio, response, confirm);
  } else {
    fill_long_response(ctio, response, memory_.response_iu(slot.number), confirm);
  }
}

void TargetQueue::drop(hal::fc::Exchange& exchange) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use && slot.steps == 0 && slot.ending == Ending::kNone);
  if (!slot.alive) {
    slot.ending = Ending::kLocal;
    return owe(slot);
  }
  slot.ending = Ending::kTerminate;
  fill_terminate(begin_ending(slot));
  ++site_.counters[Count::kTerminated];
}

// What has not gone to the firmware yet is answered by ourselves.
void TargetQueue::finish_unsent(Slot& slot, DataStatus status) {
  for (std::uint32_t i = 0; i < slot.steps; ++i) {
    DataStep& step = slot.at(i);
    if (step.state != State::kWaiting) continue;
    step.state = State::kDone;
    step.status = status;
  }
  if (slot.ending == Ending::kNone && slot.WaitHook::linked() && !slot.terminate_wanted) {
    slot.WaitHook::unlink();
  }
  owe(slot);
}

void TargetQueue::wait(Slot& slot) {
  if (slot.WaitHook::linked()) return;
  ++site_.counters[Count::kRequestRingFull];
  waiting_.push_back(slot);
}

void TargetQueue::owe(Slot& slot) {
  if (!slot.OwedHook::linked()) owed_.push_back(slot);
}

bool TargetQueue::poll() {
  if (idle()) [[likely]]
    return false;
  base::IntrusiveList<Slot, OwedTag> batch;
  while (Slot* const slot = owed_.pop_front()) batch.push_back(*slot);
  bool worked = !batch.empty();
  while (Slot* const slot = batch.pop_front()) settle(*slot);
  draining_ = true;
  for (Slot* slot; !waiting_.empty() && ring_.has_room(kCtioEntries) && (slot = waiting_.pop_front()) != nullptr;) {
    advance(*slot);
    worked = true;
  }
  draining_ = false;
  return worked;
}

Slot* TargetQueue::find(std::uint32_t address, std::uint32_t s_id, std::uint16_t ox_id) {
  for (Slot& slot : slots()) {
    if (slot.in_use && slot.alive && slot.ctio.exchange == address && slot.ctio.initiator == s_id &&
        slot.ox_id == ox_id)
      return &slot;
  }
  return nullptr;
}

// Nothing more is sent for it; CTIOs that are out come back by themselves.
bool TargetQueue::abort(std::uint32_t address, std::uint32_t s_id, std::uint16_t ox_id, std::uint32_t cookie) {
  Slot* const found = find(address, s_id, ox_id);
  if (found == nullptr) return false;
  Slot& slot = *found;
  slot.abort_cookie = cookie;
  slot.aborted = true;
  slot.alive = false;
  const bool ending_waits = slot.ending != Ending::kNone && !slot.ending_sent;
  if (ending_waits) slot.ending = Ending::kLocal;
  finish_unsent(slot, DataStatus::kTerminated);
  if (slot.ending == Ending::kNone) user_->abort_received(slot);
  return true;
}

void TargetQueue::login_ended(hal::fc::LoginId login) {
  for (Slot& slot : slots()) {
    if (!slot.in_use || slot.login != login) continue;
    finish_unsent(slot, DataStatus::kFailed);
    if (slot.sent()) terminate(slot);
  }
}

// Ends the exchange in the firmware while its user waits for transfers: they come back early.
void TargetQueue::terminate(Slot& slot) {
  if (!slot.alive || slot.finished || slot.terminate_wanted) return;
  finish_unsent(slot, DataStatus::kFailed);
  slot.terminate_wanted = true;
  if (!send_terminate(slot)) wait(slot);
}

void TargetQueue::check_limits(base::Time now) {
  for (Slot& slot : slots()) {
    if (!slot.in_use || now < slot.deadline || !slot.sent()) continue;
    ++site_.counters[Count::kLateTransfers];
    if (!slot.alive || slot.finished) return site_.fail("no answer to a transfer");
    slot.deadline = now + site_.options.transfer_limit;
    terminate(slot);
  }
}

void TargetQueue::reset() {
  for (Slot& slot : slots()) {
    if (!slot.in_use) continue;
    slot.alive = slot.ending_sent = slot.terminate_wanted = slot.aborted = false;
    ++slot.generation;
    for (std::uint32_t i = 0; i < slot.steps; ++i) {
      DataStep& step = slot.at(i);
      if (step.state == State::kSent) step.state = State::kWaiting;
    }
    if (slot.ending != Ending::kNone) slot.ending = Ending::kLocal;
    if (slot.WaitHook::linked()) slot.WaitHook::unlink();
    finish_unsent(slot, DataStatus::kFailed);
  }
}

std::string TargetQueue::describe() const {
  std::string text = fmt::format("exchanges: {} of {}\n", in_use(), slot_count_);
  for (const Slot& slot : slots()) {
    if (!slot.in_use) continue;
    text += fmt::format("  {} login {} s_id {:06x} ox_id {:04x} address {:08x} transfers {}{}{}{}{}{}{}\n", slot.index,
                        slot.login, std::uint32_t{slot.ctio.initiator}, slot.ox_id, std::uint32_t{slot.ctio.exchange},
                        slot.steps, slot.sent() ? ", sent" : "", slot.alive ? "" : ", dead",
                        slot.finished ? ", finished" : "", slot.terminate_wanted ? ", terminated" : "",
                        slot.aborted ? ", aborted" : "", slot.ending != Ending::kNone ? ", ending" : "");
  }
  return text;
}

}  // namespace qla
