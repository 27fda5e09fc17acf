// Slots of control entries.
#include "drivers/qla/control.h"

#include <cstring>

#include "base/check.h"

namespace qla {
namespace {

// The firmware's own limits are shorter: who does not answer in this time does not answer.
constexpr base::Duration kLimit = std::chrono::seconds(60);

}  // namespace

Control::Control(Device& device, RequestRing& ring) : device_(device), ring_(ring) {
  for (Slot& slot : slots_) free_.push_back(slot);
}

Control::~Control() {
  while (free_.pop_front() != nullptr) {
  }
  while (waiting_.pop_front() != nullptr) {
  }
}

Control::Slot* Control::take() {
  CHECK(prepared_ == nullptr);
  prepared_ = free_.pop_front();
  if (prepared_ == nullptr) return nullptr;
  prepared_->state = State::kPrepared;
  prepared_->entry = wire::Entry{};
  ++in_use_;
  return prepared_;
}

void Control::send(ControlUser& user, std::uint32_t cookie) {
  Slot& slot = *prepared_;
  prepared_ = nullptr;
  slot.user = &user;
  slot.cookie = cookie;
  slot.entry.head.handle =
      Handle::make(HandleKind::kControl, static_cast<std::uint32_t>(&slot - slots_.data()), slot.generation).raw;
  slot.state = device_.running ? State::kWaiting : State::kLost;
  waiting_.push_back(slot);
}

bool Control::poll() {
  if (waiting_.empty()) return false;
  base::IntrusiveList<Slot> batch;  // what is sent from inside an answer waits for the next poll
  while (Slot* const slot = waiting_.pop_front()) batch.push_back(*slot);
  bool worked = false;
  while (Slot* const slot = batch.pop_front()) {
    if (slot->state == State::kLost) {
      finish(*slot, nullptr);
    } else if (ring_.has_room(1, 0)) {
      std::memcpy(&ring_.next<wire::Entry>(), &slot->entry, sizeof slot->entry);
      slot->state = State::kSent;
      slot->deadline = device_.reactor.now() + kLimit;
    } else {
      ++device_.counters[Count::kRequestRingFull];
      waiting_.push_back(*slot);
      continue;
    }
    worked = true;
  }
  return worked;
}

void Control::answered(Handle handle, const wire::Entry& answer) {
  if (handle.slot() >= kSlots) return device_.wrong(Count::kWrongHandle, "answer with a wrong handle", handle.raw);
  Slot& slot = slots_[handle.slot()];
  if (slot.state != State::kSent || !handle.of_generation(slot.generation)) {
    return device_.wrong(Count::kRepeatedAnswer, "answer that nobody waits for", handle.raw);
  }
  if (answer.head.type != slot.entry.head.type) {
    return device_.wrong(Count::kWrongEntryType, "answer of another type", answer.head.type);
  }
  if (answer.head.status != 0) ++device_.counters[Count::kRefusedEntries];
  finish(slot, &answer);
}

void Control::finish(Slot& slot, const wire::Entry* answer) {
  ControlUser& user = *slot.user;
  const std::uint32_t cookie = slot.cookie;
  ++slot.generation;
  slot.state = State::kFree;
  free_.push_back(slot);
  --in_use_;
  user.control_answered(cookie, answer);
}

void Control::check_limits(base::Time now) {
  for (const Slot& slot : slots_) {
    if (slot.state == State::kSent && now >= slot.deadline) device_.fail("no answer to a queue entry");
  }
}

void Control::reset() {
  for (Slot& slot : slots_) {
    if (slot.state != State::kSent && slot.state != State::kWaiting) continue;
    if (slot.state == State::kSent) waiting_.push_back(slot);
    slot.state = State::kLost;
  }
}

}  // namespace qla
