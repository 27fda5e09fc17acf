// Carries requests through their transfers; flushes are in file_flush.cc.
#include "scsi_core/backstores/file_channel.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "base/check.h"
#include "scsi_core/backstores/segments.h"
#include "scsi_core/backstores/zero_area.h"

namespace scsi {
namespace {

constexpr std::uint64_t kLargestCall = std::uint64_t{1} << 30;      // results are 31 bits wide
constexpr std::uint64_t kLargestAllocate = std::uint64_t{1} << 30;  // a turn that ends within a deadline
constexpr std::uint64_t kBounce = std::uint64_t{256} << 10;
constexpr std::align_val_t kBounceAlignment{4096};
constexpr std::uint16_t kMaxRetries = 1000;

enum class Remedy : std::uint8_t { kAgain, kNarrow, kNoSpace, kGone, kOtherWay, kFail };

Remedy remedy(int error) {
  switch (error) {
    case EINTR:
    case EAGAIN:
    case ENOMEM:
    case ENOBUFS:
      return Remedy::kAgain;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Remedy::kNoSpace;
    case ENXIO:
    case ENODEV:
    case ESTALE:
    case ENOMEDIUM:
    case EBADF:
      return Remedy::kGone;
    case EOPNOTSUPP:
    case EINVAL:
    case ENOSYS:
      return Remedy::kOtherWay;
    case EROFS:
    case EPERM:
    case EACCES:
      return Remedy::kFail;
    default:  // EIO, EREMOTEIO, EBADMSG, EUCLEAN, ETIMEDOUT, ...: the medium
      return Remedy::kNarrow;
  }
}

ByteRange range_of(const StoreRequest& request) { return {request.offset, request.offset + request.length}; }

}  // namespace

FileChannel::FileChannel(FileStore& store, hal::Reactor& reactor, FileEngine::Ref engine)
    : hal::Message([](hal::Message& message) { static_cast<FileChannel&>(message).submit_flush(); }),
      hal::Deferred([](hal::Deferred& deferred) { static_cast<FileChannel&>(deferred).flush_settled(0); }),
      store_(store),
      reactor_(reactor),
      engine_(std::move(engine)),
      answers_(reactor),
      flush_op_(*this) {
  store_.flush_state().attach(writes_);
}

FileChannel::~FileChannel() {
  CHECK(in_flight_ == 0 && answers_.empty());
  store_.flush_state().detach(writes_);
}

void FileChannel::submit(StoreRequest& request) {
  request.status = StoreStatus::kGood;
  request.progress = 0;
  const std::uint64_t size = store_.size();
  if (request.offset > size || request.length > size - request.offset) {  // it was cut in the meantime
    return answers_.add(request, StoreStatus::kGone, std::max(request.offset, size));
  }
  if (request.length == 0 && request.op != StoreOp::kFlush) return answers_.add(request);
  ++in_flight_;
  engine_->start(*this, request);
}

void FileChannel::begin(IoSlot& slot, StoreRequest& request) {
  slot.channel = this;
  slot.request = &request;
  slot.fd = store_.medium().fd.get();
  slot.phase = IoSlot::Phase::kTransfer;
  slot.plain = !request.fua || !store_.abilities().data_sync_writes.load(std::memory_order_relaxed);
  slot.sync_error = slot.suspect = false;
  slot.retries = 0;
  slot.bad_end = 0;
  slot.failures = store_.flush_state().failures();
  switch (request.op) {
    case StoreOp::kRead:
      return request.fua ? flush(slot) : transfer(slot);
    case StoreOp::kWrite:
      return transfer(slot);
    case StoreOp::kFlush:
      return flush(slot);
    case StoreOp::kUnmap:
    case StoreOp::kWriteZeroes:
      slot.phase = IoSlot::Phase::kAllocate;
      return allocate(slot);
  }
}

void FileChannel::again(IoSlot& slot) {
  return slot.phase == IoSlot::Phase::kAllocate ? allocate(slot) : transfer(slot);
}

// Bytes for the next call: all that is left, or half of where an error is known to be.
std::uint64_t FileChannel::call_limit(const IoSlot& slot) const {
  const StoreRequest& request = *slot.request;
  const std::uint64_t left = std::min(request.length - request.progress, kLargestCall);
  if (__builtin_expect(slot.bad_end == 0, 1)) return left;
  const std::uint64_t block = store_.block_size();
  return std::max(block, (slot.bad_end - request.progress) / 2 / block * block);
}

void FileChannel::transfer(IoSlot& slot) {
  const StoreRequest& request = *slot.request;
  slot.kind = request.op == StoreOp::kRead ? IoOp::Kind::kRead : IoOp::Kind::kWrite;
  slot.data_sync = slot.kind == IoOp::Kind::kWrite && !slot.plain && slot.phase == IoSlot::Phase::kTransfer;
  if (slot.data_sync) stable_started(slot);
  slot.offset = request.offset + request.progress;
  slot.iov = slot.vectors.data();
  slot.iov_count = 0;
  slot.asked = 0;
  const std::uint64_t limit = call_limit(slot);
  if (slot.phase == IoSlot::Phase::kZeros) {
    std::array<hal::DmaSpan, IoSlot::kMaxIov> zeros;
    std::uint32_t count = 0;
    lend_zeros(limit, zeros, count);
    add_vectors(slot, std::span(zeros).first(count), 0, limit);
  } else if (!add_vectors(slot, request.segments, request.progress, limit)) {
    bounce(slot, limit);
  }
  engine_->submit(slot);
}

// False if the memory is not what O_DIRECT takes.
bool FileChannel::add_vectors(IoSlot& slot, std::span<const hal::DmaSpan> segments, std::uint64_t skip,
                              std::uint64_t length) {
  const FileMedium& medium = store_.medium();
  std::uint64_t odd = 0;
  for (const hal::DmaSpan& segment : segments) {
    if (length == 0 || slot.iov_count == IoSlot::kMaxIov) break;
    if (skip >= segment.bytes.size()) {
      skip -= segment.bytes.size();
      continue;
    }
    const std::uint64_t part = std::min<std::uint64_t>(segment.bytes.size() - skip, length);
    std::byte* const at = segment.bytes.data() + skip;
    slot.vectors[slot.iov_count++] = {at, part};
    slot.asked += part;
    odd |= reinterpret_cast<std::uintptr_t>(at) | part;
    length -= part;
    skip = 0;
  }
  return !medium.direct || ((odd & (medium.memory_alignment - 1)) | (slot.asked & (store_.block_size() - 1))) == 0;
}

// Memory that O_DIRECT does not take is copied. Pool buffers never come here.
void FileChannel::bounce(IoSlot& slot, std::uint64_t limit) {
  if (slot.bounce == nullptr) slot.bounce = static_cast<std::byte*>(::operator new(kBounce, kBounceAlignment));
  const StoreRequest& request = *slot.request;
  slot.asked = std::min(limit, kBounce);
  slot.vectors[0] = {slot.bounce, slot.asked};
  slot.iov_count = 1;
  if (request.op == StoreOp::kWrite) copy_from_segments(request.segments, request.progress, slot.bounce, slot.asked);
}

void FileChannel::allocate(IoSlot& slot) {
  const StoreRequest& request = *slot.request;
  FileStore::Abilities& can = store_.abilities();
  const bool zero_range = request.op == StoreOp::kWriteZeroes && can.zero_range.load(std::memory_order_relaxed);
  const bool may_punch = request.op == StoreOp::kUnmap || store_.thin();
  if (!zero_range && !(may_punch && can.punch.load(std::memory_order_relaxed))) {
    slot.phase = IoSlot::Phase::kZeros;
    return transfer(slot);
  }
  slot.kind = IoOp::Kind::kAllocate;
  slot.mode = FALLOC_FL_KEEP_SIZE | (zero_range ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE);
  slot.offset = request.offset + request.progress;
  slot.length = slot.asked = std::min(request.length - request.progress, kLargestAllocate);
  engine_->submit(slot);
}

void FileChannel::completed(IoSlot& slot) {
  StoreRequest& request = *slot.request;
  if (slot.result < 0) return failed(slot, -slot.result);
  std::uint64_t done = slot.kind == IoOp::Kind::kAllocate ? slot.asked : static_cast<std::uint64_t>(slot.result);
  if (done == 0 && request.op == StoreOp::kRead) {  // the file ends here
    return end(slot, StoreStatus::kGone, request.offset + request.progress);
  }
  if (done < slot.asked && store_.medium().direct) done = done / store_.block_size() * store_.block_size();
  if (done == 0) return failed(slot, EAGAIN);
  if (request.op == StoreOp::kRead && slot.vectors[0].iov_base == slot.bounce) {
    copy_to_segments(request.segments, request.progress, slot.bounce, done);
  }
  request.progress += done;
  slot.retries = 0;
  if (request.progress >= slot.bad_end) slot.bad_end = 0;
  if (request.progress < request.length) return again(slot);
  return request.op == StoreOp::kRead ? end(slot, StoreStatus::kGood) : written(slot);
}

void FileChannel::failed(IoSlot& slot, int error) {
  StoreRequest& request = *slot.request;
  const std::uint64_t at = request.offset + request.progress;
  switch (remedy(error)) {
    case Remedy::kAgain:
      return ++slot.retries < kMaxRetries ? again(slot) : end(slot, StoreStatus::kMediumError, at);
    case Remedy::kNoSpace:
      return end(slot, StoreStatus::kNoSpace, at);
    case Remedy::kGone:
      return end(slot, StoreStatus::kGone, at);
    case Remedy::kFail:
      return end(slot, StoreStatus::kMediumError, at);
    case Remedy::kOtherWay:
      return other_way(slot, error);
    case Remedy::kNarrow:
      break;
  }
  if (slot.data_sync) {  // in the write or in the flush? Written without, it shows
    slot.plain = slot.sync_error = true;
    return again(slot);
  }
  if (slot.kind == IoOp::Kind::kAllocate || slot.asked <= store_.block_size()) {
    return end(slot, StoreStatus::kMediumError, at);
  }
  slot.bad_end = request.progress + slot.asked;
  again(slot);
}

// The call is not offered here: another one that does the same.
void FileChannel::other_way(IoSlot& slot, int error) {
  FileStore::Abilities& can = store_.abilities();
  const bool never = error != EINVAL;  // EINVAL may be about this range only
  if (slot.data_sync) {
    if (never) can.data_sync_writes.store(false, std::memory_order_relaxed);
    slot.plain = true;
  } else if (slot.kind == IoOp::Kind::kAllocate) {
    auto& ability = (slot.mode & FALLOC_FL_ZERO_RANGE) != 0 ? can.zero_range : can.punch;
    if (never) {
      ability.store(false, std::memory_order_relaxed);
    } else {
      slot.phase = IoSlot::Phase::kZeros;
    }
  } else {
    return end(slot, StoreStatus::kMediumError, slot.request->offset + slot.request->progress);
  }
  again(slot);
}

// All of a write, UNMAP or WRITE ZEROES has been taken by the medium.
void FileChannel::written(IoSlot& slot) {
  FlushState& state = store_.flush_state();
  const ByteRange range = range_of(*slot.request);
  const bool stable = slot.data_sync;
  if (slot.sync_error) {  // the write was good, so a flush was not: of whose data, nobody can tell
    slot.sync_error = false;
    store_.flush_failed(EIO);
    ++slot.failures;  // this one is not about the write itself; others that came meanwhile are
  }
  if (slot.stable_number != 0) stable_ended(slot);
  if (!stable) writes_.dirty.add(range, state.epoch(), state.flushed());
  if (const std::uint32_t failures = state.failures(); failures != slot.failures) return redo(slot, failures);
  state.rewritten(range);
  return slot.request->fua && !stable ? flush(slot) : end(slot, StoreStatus::kGood);
}

// A flush failed while the write was in flight: its data may be among what was lost.
void FileChannel::redo(IoSlot& slot, std::uint32_t failures) {
  slot.failures = failures;
  slot.request->progress = 0;
  slot.bad_end = 0;
  again(slot);
}

void FileChannel::end(IoSlot& slot, StoreStatus status, std::uint64_t bad_offset) {
  StoreRequest& request = *slot.request;
  if (slot.stable_number != 0) stable_ended(slot);
  if (slot.bounce != nullptr) ::operator delete(std::exchange(slot.bounce, nullptr), kBounceAlignment);
  request.status = status;
  request.bad_offset = bad_offset;
  --in_flight_;
  engine_->free(slot);
  request.done(request);
}

}  // namespace scsi
