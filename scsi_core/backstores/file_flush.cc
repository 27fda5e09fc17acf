// Flushes of a file channel: several requests share one, channels take turns, and a failure is never forgotten.
#include <cerrno>

#include "scsi_core/backstores/file_channel.h"

namespace scsi {
namespace {

ByteRange flushed_range(const StoreRequest& request) {
  if (request.length == 0) return {0, ~std::uint64_t{0}};
  return {request.offset, request.offset + request.length};
}

}  // namespace

void FileChannel::flush(IoSlot& slot) {
  flushes_.push_back(slot);
  try_flush();
}

void FileChannel::try_flush() {
  if (flushing_ || flushes_.empty()) return;
  flushing_ = true;
  if (store_.flush_state().enter({this, &reactor_})) submit_flush();
}

void FileChannel::submit_flush() {
  FlushState& state = store_.flush_state();
  flush_failures_ = state.failures();
  while (IoOp* op = flushes_.pop_front()) {
    auto& slot = static_cast<IoSlot&>(*op);
    // What is written anew from here on is not covered: the answer is decided by what is suspect now, too.
    slot.suspect = state.first_suspect(flushed_range(*slot.request)).has_value();
    batch_.push_back(slot);
  }
  flush_epoch_ = state.start();
  flush_op_.kind = IoOp::Kind::kDataSync;
  flush_op_.fd = store_.medium().fd.get();
  engine_->submit(flush_op_);
}

void FileChannel::flush_returned() {
  const int error = flush_op_.result < 0 ? -flush_op_.result : 0;
  if (error == EINTR || error == EAGAIN) return engine_->submit(flush_op_);
  if (error == 0) store_.flush_state().note_stable_writes();
  flush_settled(error);
}

void FileChannel::flush_settled(int error) {
  FlushState& state = store_.flush_state();
  if (error != 0) {
    store_.flush_failed(error);
  } else if (!state.stable_writes_ended()) {
    return reactor_.defer(*this);  // looks again in the next round
  } else {
    state.succeeded(flush_epoch_);
  }
  Verdict verdict = error == 0 ? Verdict::kGood : Verdict::kFailed;
  // What came to light meanwhile may be about data of before, and written anew since, but not flushed by this flush.
  if (error == 0 && state.failures() != flush_failures_) verdict = Verdict::kAskAgain;
  flushing_ = false;
  state.leave();
  base::IntrusiveList<IoOp> resolved;
  while (IoOp* op = batch_.pop_front()) resolved.push_back(*op);
  try_flush();
  while (IoOp* op = resolved.pop_front()) resolve_flush(static_cast<IoSlot&>(*op), verdict);
}

void FileChannel::stable_started(IoSlot& slot) {
  if (slot.stable_number != 0) return;
  slot.stable_number = writes_.stable_started.load(std::memory_order_relaxed) + 1;
  writes_.stable_started.store(slot.stable_number);
  stable_.push_back(slot);
}

void FileChannel::stable_ended(IoSlot& slot) {
  slot.stable_number = 0;
  static_cast<base::ListHook<StableTag>&>(slot).unlink();
  const std::uint64_t started = writes_.stable_started.load(std::memory_order_relaxed);
  writes_.stable_ended.store(stable_.empty() ? started : stable_.front().stable_number - 1, std::memory_order_release);
}

void FileChannel::resolve_flush(IoSlot& slot, Verdict verdict) {
  const StoreRequest& request = *slot.request;
  const FlushState& state = store_.flush_state();
  const ByteRange range = flushed_range(request);
  if (request.op != StoreOp::kFlush && request.op != StoreOp::kRead) {  // a write that is to be stable
    if (verdict == Verdict::kFailed) return end(slot, StoreStatus::kFlushFailed, request.offset);
    const std::uint32_t failures = state.failures();
    return failures == slot.failures ? end(slot, StoreStatus::kGood) : redo(slot, failures);
  }
  if (verdict == Verdict::kAskAgain) return flush(slot);
  const auto suspect = state.first_suspect(range);
  if (verdict == Verdict::kFailed || slot.suspect || suspect.has_value()) {
    return end(slot, StoreStatus::kFlushFailed, suspect.value_or(request.offset));
  }
  if (request.op == StoreOp::kRead) return transfer(slot);
  const auto lost = store_.lost_from();
  if (lost.has_value() && *lost < range.to) return end(slot, StoreStatus::kGone, std::max(*lost, range.from));
  end(slot, StoreStatus::kGood);
}

}  // namespace scsi
