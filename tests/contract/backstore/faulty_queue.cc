// Fault injection at the system call.
#include "tests/contract/backstore/faulty_queue.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace scsi::test {
namespace {

Faults* current = nullptr;

// Moves the first `bytes` of the call, at once.
std::int64_t move_part(const IoOp& op, std::uint64_t bytes) {
  std::int64_t moved = 0;
  for (std::uint32_t i = 0; i < op.iov_count && bytes != 0; ++i) {
    const std::size_t part = std::min<std::uint64_t>(op.iov[i].iov_len, bytes);
    const auto at = static_cast<off_t>(op.offset) + moved;
    const std::int64_t done = op.kind == IoOp::Kind::kRead ? pread(op.fd, op.iov[i].iov_base, part, at)
                                                           : pwrite(op.fd, op.iov[i].iov_base, part, at);
    if (done < 0) return -errno;
    moved += done;
    bytes -= part;
  }
  return moved;
}

}  // namespace

Faults::Faults() {
  CHECK(current == nullptr);
  current = this;
}

Faults::~Faults() { current = nullptr; }

void Faults::release() {
  for (IoOp* op : std::exchange(held, {})) real_->submit(*op);
}

base::Result<std::unique_ptr<IoQueue>> FaultyQueue::create(hal::Reactor& reactor) {
  auto real = TRY(make_io_queue(reactor));
  return std::unique_ptr<IoQueue>(new FaultyQueue(reactor, std::move(real)));
}

FaultyQueue::FaultyQueue(hal::Reactor& reactor, std::unique_ptr<IoQueue> real)
    : hal::Deferred([](hal::Deferred& deferred) {
        auto& self = static_cast<FaultyQueue&>(deferred);
        base::IntrusiveList<IoOp> batch;
        while (IoOp* op = self.owed_.pop_front()) batch.push_back(*op);
        while (IoOp* op = batch.pop_front()) op->done(*op);
      }),
      reactor_(reactor),
      real_(std::move(real)) {}

void FaultyQueue::answer(IoOp& op, std::int64_t result) {
  op.result = static_cast<std::int32_t>(result);
  owed_.push_back(op);
  if (!hal::Deferred::linked()) reactor_.defer(*this);
}

void FaultyQueue::submit(IoOp& op) {
  if (current == nullptr) return real_->submit(op);
  current->real_ = real_.get();
  ++current->calls;
  current->flushes += op.kind == IoOp::Kind::kDataSync;
  const Fault fault = current->hook ? current->hook(op) : Fault{};
  switch (fault.kind) {
    case Fault::Kind::kNone:
      return real_->submit(op);
    case Fault::Kind::kError:
      return answer(op, -fault.error);
    case Fault::Kind::kShort:
      return answer(op, move_part(op, fault.bytes));
    case Fault::Kind::kHold:
      current->held.push_back(&op);
      return;
  }
}

}  // namespace scsi::test
