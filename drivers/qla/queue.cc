// The life of an exchange: what its user asks for, and how it ends.
#include "drivers/qla/queue.h"

#include <fmt/format.h>

#include "base/check.h"
#include "drivers/qla/ctio.h"

namespace qla {
namespace {

using hal::fc::DataStatus;
using State = DataStep::State;
// A user that asks to hasten a transfer gets its answer in this time.
constexpr base::Duration kTerminateLimit = std::chrono::seconds(2);

}  // namespace

TargetQueue::TargetQueue(Device& device, RequestRing& ring, const Memory& memory, const Logins& logins)
    : device_(device), ring_(ring), memory_(memory), logins_(logins), slots_(device.options.exchanges) {
  CHECK(slots_.size() <= Handle::kSlots);
  free_.reserve(slots_.size());
  for (std::size_t i = slots_.size(); i > 0; --i) {
    slots_[i - 1].index = static_cast<std::uint32_t>(i - 1);
    free_.push_back(&slots_[i - 1]);
  }
}

TargetQueue::~TargetQueue() {
  while (waiting_.pop_front() != nullptr) {
  }
  while (owed_.pop_front() != nullptr) {
  }
}

void TargetQueue::send_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) {
  add_step(exchange, data, true);
}

void TargetQueue::receive_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) {
  add_step(exchange, data, false);
}

void TargetQueue::add_step(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data, bool to_initiator) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use && slot.steps < Slot::kSteps && slot.ending == Ending::kNone && !data.segments.empty());
  DataStep& step = slot.at(slot.steps++);
  step.data = data;
  step.segment = step.moved = 0;
  step.state = State::kWaiting;
  step.to_initiator = to_initiator;
  step.status_next = false;
  if (slot.alive) [[likely]] {
    advance(slot);
  } else {
    finish_unsent(slot, slot.aborted ? DataStatus::kTerminated : DataStatus::kFailed);
  }
}

void TargetQueue::terminate_data(hal::fc::Exchange& exchange) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use);
  finish_unsent(slot, DataStatus::kTerminated);
  slot.terminate_requested = true;
  slot.deadline = std::min(slot.deadline, device_.reactor.now() + kTerminateLimit);
}

void TargetQueue::send_response(hal::fc::Exchange& exchange, const hal::fc::ExchangeResponse& response) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use && slot.steps == 0 && slot.ending == Ending::kNone);
  if (!slot.alive) {
    slot.ending = Ending::kLocal;
    return owe(slot);
  }
  slot.ending = Ending::kResponse;
  const bool confirm = device_.options.confirmed_completion && response.status != 0 &&
                       (logins_[slot.login].service_parameters & 0x80) != 0;
  wire::Entry& entry = slot.ending_entry;
  entry = wire::Entry{};
  address_ctio(*reinterpret_cast<wire::CtioHead*>(&entry), slot,
               Handle::make(HandleKind::kEnd, slot.index, slot.generation));
  fill_response(entry, slot, response, response_iu(slot), confirm);
  if (!send_ending(slot)) wait(slot);
}

void TargetQueue::drop(hal::fc::Exchange& exchange) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use && slot.steps == 0 && slot.ending == Ending::kNone);
  if (!slot.alive) {
    slot.ending = Ending::kLocal;
    return owe(slot);
  }
  slot.ending = Ending::kTerminate;
  wire::Entry& entry = slot.ending_entry;
  entry = wire::Entry{};
  address_ctio(*reinterpret_cast<wire::CtioHead*>(&entry), slot,
               Handle::make(HandleKind::kEnd, slot.index, slot.generation));
  fill_terminate(entry, slot);
  ++device_.counters[Count::kTerminated];
  if (!send_ending(slot)) wait(slot);
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
  ++device_.counters[Count::kRequestRingFull];
  waiting_.push_back(slot);
}

void TargetQueue::owe(Slot& slot) {
  if (!slot.OwedHook::linked()) owed_.push_back(slot);
}

// Gives the answers that are due, in their order.
void TargetQueue::settle(Slot& slot) {
  while (slot.steps != 0 && slot.at(0).state == State::kDone) {
    const DataStatus status = slot.at(0).status;
    const bool last = slot.at(0).data.with_status && status == DataStatus::kDone;
    slot.first = static_cast<std::uint8_t>((slot.first + 1) % Slot::kSteps);
    --slot.steps;
    if (status == DataStatus::kFailed) ++device_.counters[Count::kFailedTransfers];
    user_->data_done(slot, status);
    if (last) return release(slot);
  }
  if (slot.steps == 0 && slot.ending == Ending::kLocal) {
    user_->exchange_ended(slot);
    release(slot);
  }
}

void TargetQueue::release(Slot& slot) {
  if (slot.WaitHook::linked()) slot.WaitHook::unlink();
  if (slot.OwedHook::linked()) slot.OwedHook::unlink();
  slot.in_use = slot.alive = false;
  ++slot.generation;
  free_.push_back(&slot);
  if (slot.aborted) watcher_->aborted_exchange_gone(slot.index);
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
  for (Slot& slot : slots_) {
    if (slot.in_use && slot.alive && slot.address == address && slot.s_id == s_id && slot.ox_id == ox_id) return &slot;
  }
  return nullptr;
}

// ABTS: nothing more is sent for it; CTIOs that are out come back by themselves.
void TargetQueue::abort(Slot& slot) {
  slot.aborted = true;
  slot.alive = false;
  const bool ending_waits = slot.ending != Ending::kNone && !slot.ending_sent;
  if (ending_waits) slot.ending = Ending::kLocal;
  finish_unsent(slot, DataStatus::kTerminated);
  if (slot.ending == Ending::kNone) user_->abort_received(slot);
}

void TargetQueue::login_ended(hal::fc::LoginId login) {
  for (Slot& slot : slots_) {
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
  for (Slot& slot : slots_) {
    if (!slot.in_use || now < slot.deadline || !slot.sent()) continue;
    ++device_.counters[Count::kLateTransfers];
    if (!slot.alive || slot.finished) return device_.fail("no answer to a transfer");
    slot.deadline = now + device_.options.transfer_limit;
    terminate(slot);
  }
}

void TargetQueue::reset() {
  for (Slot& slot : slots_) {
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
  std::string text = fmt::format("exchanges: {} of {}\n", in_use(), slots_.size());
  for (const Slot& slot : slots_) {
    if (!slot.in_use) continue;
    text += fmt::format("  {} login {} s_id {:06x} ox_id {:04x} address {:08x} transfers {}{}{}{}{}{}{}\n", slot.index,
                        slot.login, slot.s_id, slot.ox_id, slot.address, slot.steps, slot.sent() ? ", sent" : "",
                        slot.alive ? "" : ", dead", slot.finished ? ", finished" : "",
                        slot.terminate_wanted ? ", terminated" : "", slot.aborted ? ", aborted" : "",
                        slot.ending != Ending::kNone ? ", ending" : "");
  }
  return text;
}

}  // namespace qla
