// CTIOs of transfers: sending them, and what their answers mean.
#include <algorithm>

#include "drivers/qla/ctio.h"
#include "drivers/qla/queue.h"

namespace qla {
namespace {

using hal::fc::DataStatus;
using Flags = wire::CtioFlags;
using State = DataStep::State;

bool more_to_send(const DataStep& step) { return !step.data.segments.empty() || step.status_next; }

std::uint32_t put_segment(wire::DataSegment& to, const hal::DmaSpan& span) {
  const auto length = static_cast<std::uint32_t>(span.bytes.size());
  to.address = span.iova.raw;
  to.length = length;
  return length;
}

}  // namespace

// One CTIO of the transfer at this place of the slot's ring of steps. False: the slot waits for room.
bool TargetQueue::send_step(Slot& slot, DataStep& step, std::uint32_t part) {
  if (!ring_.has_room(kCtioEntries)) [[unlikely]] {
    wait(slot);
    return false;
  }
  slot.deadline = site_.reactor.now() + site_.options.transfer_limit;
  step.state = State::kSent;
  step.handle = Handle::make(HandleKind::kData, slot.number, slot.generation, part);
  if (step.status_next) [[unlikely]] {
    send_step_status(slot, step);
    return true;
  }
  if (step.data.protection != nullptr) [[unlikely]] {
    send_protected_step(slot, step);
    return true;
  }
  const std::span<const hal::DmaSpan> segments = step.data.segments;
  const std::size_t count = std::min<std::size_t>(segments.size(), kCtioSegments);
  auto& ctio = ring_.next(slot.ctio);
  ctio.head.handle = step.handle.raw;
  ctio.segment_count = static_cast<std::uint16_t>(count);
  ctio.relative_offset = step.data.offset;
  std::uint32_t bytes = put_segment(ctio.segment, *segments.data());
  if (count > 1) bytes += put_more_segments(ctio, {segments.data() + 1, count - 1});
  ctio.transfer_length = bytes;
  step.data.offset += bytes;
  step.data.segments = {segments.data() + count, segments.size() - count};
  std::uint16_t flags = slot.ctio.flags;
  flags |= step.to_initiator ? Flags::DataIn::kMask : Flags::DataOut::kMask;
  if (step.data.with_status && count == segments.size()) {
    slot.finished = step.data.residual_flags == 0;
    step.status_next = !slot.finished;
    if (slot.finished) flags |= Flags::SendStatus::kMask;
  }
  ctio.flags = flags;
  return true;
}

// Those that go into continuation entries; returns their bytes.
std::uint32_t TargetQueue::put_more_segments(wire::Ctio7Mode0& ctio, std::span<const hal::DmaSpan> segments) {
  std::uint32_t bytes = 0;
  while (!segments.empty()) {
    auto& more = ring_.next<wire::Continuation64>();
    more.type = static_cast<std::uint8_t>(wire::EntryType::kContinuation64);
    more.count = 1;
    const std::size_t count = std::min(segments.size(), more.segments.size());
    for (std::size_t i = 0; i < count; ++i) {
      bytes += put_segment(more.segments[i], segments[i]);
    }
    segments = segments.subspan(count);
    ++ctio.head.count;
  }
  return bytes;
}

// GOOD with a residual does not fit beside data: a CTIO of its own, once the data has gone.
void TargetQueue::send_step_status(Slot& slot, DataStep& step) {
  step.status_next = false;
  slot.finished = true;
  auto& ctio = ring_.next(slot.ctio);
  ctio.head.handle = step.handle.raw;
  hal::fc::ExchangeResponse response;
  response.residual_flags = step.data.residual_flags;
  response.residual = step.data.residual;
  fill_response(ctio, response, false);
}

inline void TargetQueue::add_step(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data, bool to_initiator) {
  Slot& slot = static_cast<Slot&>(exchange);
  CHECK(slot.in_use && slot.steps < Slot::kSteps && slot.ending == Ending::kNone && !data.segments.empty());
  const std::uint32_t part = slot.part(slot.steps++);
  DataStep& step = slot.step[part];
  step.data = data;
  step.state = State::kWaiting;
  step.to_initiator = to_initiator;
  step.status_next = false;
  if (!slot.alive) [[unlikely]]
    return finish_unsent(slot, slot.aborted ? DataStatus::kTerminated : DataStatus::kFailed);
  if (slot.steps > 1 || !waiting_.empty()) [[unlikely]]
    return advance(slot);
  send_step(slot, step, part);
}

void TargetQueue::send_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) {
  add_step(exchange, data, true);
}

void TargetQueue::receive_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) {
  add_step(exchange, data, false);
}

// Sends what may go now: transfers to the initiator one behind the other, one from it when all before it has arrived.
void TargetQueue::advance(Slot& slot) {
  if (slot.WaitHook::linked() || (!draining_ && !waiting_.empty())) return wait(slot);
  if (slot.terminate_wanted && slot.alive && !slot.finished && !send_terminate(slot)) return wait(slot);
  for (std::uint32_t i = 0; i < slot.steps; ++i) {
    DataStep& step = slot.at(i);
    if (step.state == State::kWaiting) {
      const bool alone = !step.to_initiator || step.data.protection != nullptr;
      if (alone && i > 0 && slot.at(i - 1).state == State::kSent) return;
      if (!send_step(slot, step, slot.part(i))) return;
    }
    if (step.state == State::kSent && (!step.to_initiator || more_to_send(step))) return;
  }
  if (slot.steps == 0 && slot.ending != Ending::kNone && !slot.ending_sent && slot.alive && !send_ending(slot)) {
    wait(slot);
  }
}

inline void TargetQueue::ending_goes(Slot& slot) {
  slot.ending_sent = slot.finished = true;
  slot.deadline = site_.reactor.now() + site_.options.transfer_limit;
}

// Where the CTIO that ends an exchange is written: in the ring, or in the slot when it has to wait.
wire::Ctio7Mode0& TargetQueue::begin_ending(Slot& slot) {
  const bool now = waiting_.empty() && ring_.has_room(1);
  if (now) [[likely]] {
    ending_goes(slot);
  } else {
    slot.ending_ctio = slot.ctio;
    wait(slot);
  }
  wire::Ctio7Mode0& ctio = now ? ring_.next(slot.ctio) : slot.ending_ctio;
  ctio.head.handle = Handle::make(HandleKind::kEnd, slot.number, slot.generation).raw;
  return ctio;
}

bool TargetQueue::send_ending(Slot& slot) {
  if (!ring_.has_room(1)) return false;
  ring_.next(slot.ending_ctio);
  ending_goes(slot);
  return true;
}

bool TargetQueue::send_terminate(Slot& slot) {
  if (!ring_.has_room(1)) return false;
  auto& ctio = ring_.next(slot.ctio);
  ctio.head.handle = Handle::make(HandleKind::kStray, 0, 0).raw;
  fill_terminate(ctio);
  slot.finished = true;
  slot.alive = false;
  ++site_.counters[Count::kTerminated];
  return true;
}

void TargetQueue::answered(Handle handle, const wire::Ctio7Done& done) {
  if (handle.kind() == HandleKind::kEnd) return ending_answered(handle, done);
  if (!has(handle.slot()) || handle.part() >= Slot::kSteps) [[unlikely]]
    return wrong_answer(handle, done);
  Slot& slot = slot_of(handle);
  DataStep& step = slot.step[handle.part()];
  if (step.state != State::kSent || step.handle != handle || done.exchange != slot.ctio.exchange) [[unlikely]]
    return wrong_answer(handle, done);
  const bool good = done.status == static_cast<std::uint16_t>(wire::CtioStatus::kOk) && done.head.status == 0;
  if (!good || more_to_send(step) || slot.steps > 1) [[unlikely]]
    return step_answered(slot, step, done);
  step.status = DataStatus::kDone;
  step.state = State::kDone;
  settle(slot);
}

void TargetQueue::ending_answered(Handle handle, const wire::Ctio7Done& done) {
  if (!has(handle.slot())) return wrong_answer(handle, done);
  Slot& slot = slot_of(handle);
  if (!slot.ending_sent || !handle.of_generation(slot.generation) || done.exchange != slot.ctio.exchange) [[unlikely]]
    return wrong_answer(handle, done);
  if (done.head.status != 0) ++site_.counters[Count::kRefusedEntries];
  slot.ending_sent = slot.alive = false;
  slot.ending = Ending::kLocal;
  settle(slot);
}

// Nothing that is out fits it.
void TargetQueue::wrong_answer(Handle handle, const wire::Ctio7Done& done) {
  if (handle.kind() == HandleKind::kStray) {
    ++site_.counters[Count::kStrayAnswers];
    return;
  }
  if (!has(handle.slot()) && next_ != nullptr) return next_->answered(handle, done);  // of a virtual port
  if (!has(handle.slot())) return site_.wrong(Count::kWrongHandle, "CTIO with a wrong handle", handle.raw);
  const Slot& slot = slot_of(handle);
  if (!slot.in_use || !handle.of_generation(slot.generation)) {
    return site_.wrong(Count::kRepeatedAnswer, "CTIO of an exchange that has ended", handle.raw);
  }
  if (done.exchange != slot.ctio.exchange) {
    return site_.wrong(Count::kWrongExchange, "CTIO of another exchange", done.exchange);
  }
  site_.wrong(Count::kRepeatedAnswer, "CTIO that was not sent", handle.raw);
}

void TargetQueue::step_answered(Slot& slot, DataStep& step, const wire::Ctio7Done& done) {
  if (done.head.status != 0) ++site_.counters[Count::kRefusedEntries];
  const auto status = static_cast<wire::CtioStatus>(std::uint16_t{done.status});
  if (status == wire::CtioStatus::kDifError && step.data.protection != nullptr && slot.steps == 1 && slot.alive) {
    return protection_failed(slot, step, reinterpret_cast<const wire::CtioCrc2Done&>(done));
  }
  if (status != wire::CtioStatus::kOk || done.head.status != 0) {
    step_failed(slot, step, status);
  } else if (more_to_send(step)) {
    step.state = State::kWaiting;
    if (slot.alive) return advance(slot);
    return finish_unsent(slot, slot.aborted ? DataStatus::kTerminated : DataStatus::kFailed);
  } else {
    step.status = DataStatus::kDone;
  }
  step.state = State::kDone;
  if (slot.steps > 1 && slot.alive) advance(slot);  // one that waited for this
  settle(slot);
}

void TargetQueue::step_failed(Slot& slot, DataStep& step, wire::CtioStatus status) {
  const bool early = status == wire::CtioStatus::kAborted && (slot.aborted || slot.terminate_requested);
  step.status = early ? DataStatus::kTerminated : DataStatus::kFailed;
  // With its response asked for, or unknown to the firmware, the exchange is over there.
  const bool over = status == wire::CtioStatus::kInvalidExchange || status == wire::CtioStatus::kPortLoggedOut;
  if (over || slot.finished) slot.alive = false;
  finish_unsent(slot, step.status);  // what would have followed
}

}  // namespace qla
