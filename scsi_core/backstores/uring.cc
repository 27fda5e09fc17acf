// io_uring.
#include "scsi_core/backstores/uring.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("backstore");
constexpr std::uint32_t kCompletions = 1024;  // at least IoQueue::kDepth: the completion ring never overflows
constexpr unsigned kReapAtOnce = 64;
constexpr unsigned kNeeded = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE;

// By Mode. Disabled until the first submission: it comes from the reactor's thread.
constexpr std::array<unsigned, 3> kFlags = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED,
    IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    0,
};

bool has_operations(io_uring& ring) {
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  bool all = true;
  for (const int op :
       {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE}) {
    all = all && io_uring_opcode_supported(probe, op) != 0;
  }
  io_uring_free_probe(probe);
  return all;
}

void fill(io_uring_sqe& sqe, const IoOp& op) {
  switch (op.kind) {
    case IoOp::Kind::kRead:
      if (op.iov_count == 1) {
        io_uring_prep_read(&sqe, op.fd, op.iov->iov_base, static_cast<unsigned>(op.iov->iov_len), op.offset);
      } else {
        io_uring_prep_readv(&sqe, op.fd, op.iov, op.iov_count, op.offset);
      }
      break;
    case IoOp::Kind::kWrite:
      if (op.iov_count == 1) {
        io_uring_prep_write(&sqe, op.fd, op.iov->iov_base, static_cast<unsigned>(op.iov->iov_len), op.offset);
      } else {
        io_uring_prep_writev(&sqe, op.fd, op.iov, op.iov_count, op.offset);
      }
      sqe.rw_flags = op.data_sync ? RWF_DSYNC : 0;
      break;
    case IoOp::Kind::kDataSync:
      io_uring_prep_fsync(&sqe, op.fd, IORING_FSYNC_DATASYNC);
      break;
    case IoOp::Kind::kAllocate:
      // The arguments are 64 bits wide in the ring; the helper's types depend on the platform's off_t.
      io_uring_prep_fallocate(&sqe, op.fd, op.mode, static_cast<off_t>(op.offset), static_cast<off_t>(op.length));
      break;
  }
}

}  // namespace

base::Result<std::unique_ptr<IoQueue>> Uring::create(hal::Reactor& reactor, Mode best) {
  std::unique_ptr<Uring> made(new Uring(reactor));
  TRY(made->set_up(best));
  return std::unique_ptr<IoQueue>(std::move(made));
}

base::Result<void> Uring::set_up(Mode best) {
  int error = -ENOSYS;
  for (auto mode = static_cast<std::size_t>(best); mode < kFlags.size(); ++mode) {
    io_uring_params params{};
    params.flags = kFlags[mode] | IORING_SETUP_CQSIZE;
    params.cq_entries = kCompletions;
    error = io_uring_queue_init_params(kDepth, &ring_, &params);
    if (error != -EINVAL) break;
  }
  if (error != 0) return base::fail_errno("io_uring", -error);
  ready_ = true;
  if ((ring_.features & kNeeded) != kNeeded || !has_operations(ring_)) {
    return base::fail(base::Errc::kUnsupported, "io_uring of this kernel is too old");
  }
  enabled_ = (ring_.flags & IORING_SETUP_R_DISABLED) == 0;
  event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd_ < 0) return base::fail_errno("eventfd");
  if (const int refused = io_uring_register_eventfd(&ring_, event_fd_); refused != 0) {
    return base::fail_errno("eventfd of io_uring", -refused);
  }
  io_uring_cq_eventfd_toggle(&ring_, false);
  TRY(reactor_.watch(event_fd_, EPOLLIN, *this));
  reactor_.add(*this);
  return {};
}

Uring::~Uring() {
  CHECK(out_ == 0);
  if (hal::Poller::linked()) {  // set up
    hal::Poller::unlink();
    reactor_.unwatch(event_fd_, *this);
  }
  if (ready_) io_uring_queue_exit(&ring_);
  if (event_fd_ >= 0) close(event_fd_);
}

void Uring::submit(IoOp& op) {
  ++out_;
  if (!waiting_.empty() || !prepare(op)) waiting_.push_back(op);
}

bool Uring::prepare(IoOp& op) {
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) return false;
  fill(*sqe, op);
  io_uring_sqe_set_data(sqe, &op);
  ++pending_;
  return true;
}

void Uring::enter() {
  if (!enabled_) {
    // Debian 12's liburing declares a function for this, but does not export it.
    CHECK(syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0);
    io_uring_register_ring_fd(&ring_);  // spares a look-up at each call; works without
    enabled_ = true;
  }
  const int taken = io_uring_submit(&ring_);
  if (taken >= 0) {
    pending_ -= std::min(pending_, static_cast<std::uint32_t>(taken));
  } else if (taken != -EAGAIN && taken != -EBUSY && taken != -EINTR && !std::exchange(told_, true)) {
    kLog.error("{}", base::fail_errno("io_uring does not take requests", -taken).value().text);
  }
}

bool Uring::poll() {
  if (out_ == 0) return false;
  const bool entered = pending_ != 0;
  if (entered) enter();
  while (!waiting_.empty() && prepare(waiting_.front())) waiting_.pop_front();
  return reap() || entered;
}

bool Uring::reap() {
  std::array<io_uring_cqe*, kReapAtOnce> ready;
  const unsigned count = io_uring_peek_batch_cqe(&ring_, ready.data(), kReapAtOnce);
  if (count == 0) return false;
  std::array<IoOp*, kReapAtOnce> ops;
  for (unsigned i = 0; i < count; ++i) {
    ops[i] = static_cast<IoOp*>(io_uring_cqe_get_data(ready[i]));
    ops[i]->result = ready[i]->res;
  }
  io_uring_cq_advance(&ring_, count);
  out_ -= count;
  for (unsigned i = 0; i < count; ++i) ops[i]->done(*ops[i]);
  return true;
}

bool Uring::anything_ready() const {
  const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  return pending_ != 0 || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 || io_uring_cq_ready(&ring_) != 0;
}

bool Uring::try_sleep() {
  if (out_ == 0) return true;
  io_uring_cq_eventfd_toggle(&ring_, true);
  armed_ = true;
  __sync_synchronize();  // the kernel answers, then looks whether we are armed; we arm, then look for answers
  return !anything_ready();
}

void Uring::wake() {
  if (std::exchange(armed_, false)) io_uring_cq_eventfd_toggle(&ring_, false);
}

void Uring::fd_ready(std::uint32_t) {
  std::uint64_t ignored;
  while (read(event_fd_, &ignored, sizeof ignored) > 0) {
  }
  poll();
}

}  // namespace scsi
