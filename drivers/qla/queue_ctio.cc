// CTIOs of transfers: sending them, and what their answers mean.
#include <algorithm>

#include "drivers/qla/ctio.h"
#include "drivers/qla/queue.h"

namespace qla {
namespace {

using hal::fc::DataStatus;
using Flags = wire::CtioFlags;
using State = DataStep::State;

std::uint32_t segments_left(const DataStep& step) {
  return static_cast<std::uint32_t>(step.data.segments.size()) - step.segment;
}
bool more_to_send(const DataStep& step) { return step.segment < step.data.segments.size() || step.status_next; }

wire::DataSegment segment_of(const hal::DmaSpan& span) {
  return {span.iova.raw, static_cast<std::uint32_t>(span.bytes.size())};
}

}  // namespace

// Sends what may go now: transfers to the initiator one behind the other, one from it when all before it has arrived.
void TargetQueue::advance(Slot& slot) {
  if (slot.WaitHook::linked() || (!draining_ && !waiting_.empty())) return wait(slot);
  if (slot.terminate_wanted && slot.alive && !slot.finished && !send_terminate(slot)) return wait(slot);
  for (std::uint32_t i = 0; i < slot.steps; ++i) {
    DataStep& step = slot.at(i);
    if (step.state == State::kWaiting) {
      if (!step.to_initiator && i > 0 && slot.at(i - 1).state == State::kSent) return;
      if (!send_step(slot, i)) return wait(slot);
    }
    if (step.state == State::kSent && (!step.to_initiator || more_to_send(step))) return;
  }
  if (slot.steps == 0 && slot.ending != Ending::kNone && !slot.ending_sent && slot.alive && !send_ending(slot)) {
    wait(slot);
  }
}

bool TargetQueue::send_step(Slot& slot, std::uint32_t index) {
  DataStep& step = slot.at(index);
  if (!ring_.has_room(kCtioEntries)) return false;
  slot.deadline = device_.reactor.now() + device_.options.transfer_limit;
  step.state = State::kSent;
  if (step.status_next) {
    send_step_status(slot, index);
    return true;
  }
  const std::uint32_t part = (slot.first + index) % Slot::kSteps;
  const std::uint32_t count = std::min(segments_left(step), kCtioSegments);
  const auto segments = step.data.segments.subspan(step.segment, count);
  auto& ctio = ring_.next<wire::Ctio7Mode0>();
  address_ctio(ctio, slot, Handle::make(HandleKind::kData, slot.index, slot.generation, part));
  ctio.segment_count = static_cast<std::uint16_t>(count);
  ctio.relative_offset = step.data.offset + step.moved;
  ctio.segment = segment_of(segments[0]);
  std::uint32_t bytes = ctio.segment.length;
  for (std::uint32_t at = 1; at < count; at += 5) {
    auto& more = ring_.next<wire::Continuation64>();
    more.type = static_cast<std::uint8_t>(wire::EntryType::kContinuation64);
    more.count = 1;
    for (std::uint32_t i = 0; i < std::min(count - at, 5u); ++i) {
      more.segments[i] = segment_of(segments[at + i]);
      bytes += more.segments[i].length;
    }
    ++ctio.head.count;
  }
  ctio.transfer_length = bytes;
  step.segment += count;
  step.moved += bytes;
  std::uint16_t flags = slot.attribute_flags;
  flags |= step.to_initiator ? Flags::DataIn::kMask : Flags::DataOut::kMask;
  if (step.data.with_status && segments_left(step) == 0) {
    if (step.data.residual_flags == 0) {
      flags |= Flags::SendStatus::kMask;
      slot.finished = true;
    } else {
      step.status_next = true;
    }
  }
  ctio.flags = flags;
  return true;
}

// GOOD with a residual does not fit beside data: a CTIO of its own, once the data has gone.
void TargetQueue::send_step_status(Slot& slot, std::uint32_t index) {
  DataStep& step = slot.at(index);
  step.status_next = false;
  slot.finished = true;
  auto& entry = ring_.next<wire::Entry>();
  address_ctio(*reinterpret_cast<wire::CtioHead*>(&entry), slot,
               Handle::make(HandleKind::kData, slot.index, slot.generation, (slot.first + index) % Slot::kSteps));
  hal::fc::ExchangeResponse response;
  response.residual_flags = step.data.residual_flags;
  response.residual = step.data.residual;
  fill_response(entry, slot, response, {}, false);
}

bool TargetQueue::send_ending(Slot& slot) {
  if (slot.WaitHook::linked() || (!draining_ && !waiting_.empty()) || !ring_.has_room(1)) return false;
  ring_.next<wire::Entry>() = slot.ending_entry;
  slot.ending_sent = slot.finished = true;
  slot.deadline = device_.reactor.now() + device_.options.transfer_limit;
  return true;
}

bool TargetQueue::send_terminate(Slot& slot) {
  if (!ring_.has_room(1)) return false;
  auto& entry = ring_.next<wire::Entry>();
  address_ctio(*reinterpret_cast<wire::CtioHead*>(&entry), slot, Handle::make(HandleKind::kStray, 0, 0));
  fill_terminate(entry, slot);
  slot.finished = true;
  slot.alive = false;
  ++device_.counters[Count::kTerminated];
  return true;
}

void TargetQueue::answered(Handle handle, const wire::Ctio7Done& done) {
  if (handle.kind() == HandleKind::kStray) {
    ++device_.counters[Count::kStrayAnswers];
    return;
  }
  if (handle.slot() >= slots_.size()) return device_.wrong(Count::kWrongHandle, "CTIO with a wrong handle", handle.raw);
  Slot& slot = slots_[handle.slot()];
  if (!slot.in_use || !handle.of_generation(slot.generation)) {
    return device_.wrong(Count::kRepeatedAnswer, "CTIO of an exchange that has ended", handle.raw);
  }
  if (done.exchange != slot.address) {
    return device_.wrong(Count::kWrongExchange, "CTIO of another exchange", done.exchange);
  }
  if (done.head.status != 0) ++device_.counters[Count::kRefusedEntries];
  if (handle.kind() == HandleKind::kEnd) {
    if (!slot.ending_sent) return device_.wrong(Count::kRepeatedAnswer, "CTIO that was not sent", handle.raw);
    slot.ending_sent = slot.alive = false;
    slot.ending = Ending::kLocal;
    return settle(slot);
  }
  DataStep& step = slot.step[handle.part() % Slot::kSteps];
  const std::uint32_t place = (handle.part() + Slot::kSteps - slot.first) % Slot::kSteps;
  if (handle.part() >= Slot::kSteps || place >= slot.steps || step.state != State::kSent) {
    return device_.wrong(Count::kRepeatedAnswer, "CTIO that was not sent", handle.raw);
  }
  step_answered(slot, step, done);
}

void TargetQueue::step_answered(Slot& slot, DataStep& step, const wire::Ctio7Done& done) {
  const auto status = static_cast<wire::CtioStatus>(std::uint16_t{done.status});
  if (status == wire::CtioStatus::kOk && done.head.status == 0) [[likely]] {
    if (more_to_send(step)) {
      step.state = State::kWaiting;
      if (slot.alive) return advance(slot);
      return finish_unsent(slot, slot.aborted ? DataStatus::kTerminated : DataStatus::kFailed);
    }
    step.status = DataStatus::kDone;
  } else {
    const bool early = status == wire::CtioStatus::kAborted && (slot.aborted || slot.terminate_requested);
    step.status = early ? DataStatus::kTerminated : DataStatus::kFailed;
    // With its response asked for, or unknown to the firmware, the exchange is over there.
    const bool over = status == wire::CtioStatus::kInvalidExchange || status == wire::CtioStatus::kPortLoggedOut;
    if (over || slot.finished) slot.alive = false;
    finish_unsent(slot, step.status);  // what would have followed
  }
  step.state = State::kDone;
  if (slot.alive && slot.steps > 1) advance(slot);  // one that waited for this
  settle(slot);
}

}  // namespace qla
