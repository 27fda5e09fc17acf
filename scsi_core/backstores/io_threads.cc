// Blocking calls on threads of their own; answers travel by message.
#include "scsi_core/backstores/io_threads.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"
#include "base/log.h"
#include "scsi_core/backstores/uring.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("backstore");
constexpr int kThreads = 4;  // per reactor

std::int64_t call(const IoOp& op) {
  const auto offset = static_cast<off_t>(op.offset);
  switch (op.kind) {
    case IoOp::Kind::kRead:
      return preadv(op.fd, op.iov, static_cast<int>(op.iov_count), offset);
    case IoOp::Kind::kWrite:
      return pwritev2(op.fd, op.iov, static_cast<int>(op.iov_count), offset, op.data_sync ? RWF_DSYNC : 0);
    case IoOp::Kind::kDataSync:
      return fdatasync(op.fd);
    case IoOp::Kind::kAllocate:
      return fallocate(op.fd, op.mode, offset, static_cast<off_t>(op.length));
  }
  return 0;
}

}  // namespace

base::Result<std::unique_ptr<IoQueue>> make_io_queue(hal::Reactor& reactor) {
  auto ring = Uring::create(reactor);
  if (ring.has_value()) return ring;
  kLog.info("file backstores of {} use threads: {}", reactor.options().name, ring.error().text);
  return IoThreads::create(reactor);
}

base::Result<std::unique_ptr<IoQueue>> IoThreads::create(hal::Reactor& reactor) {
  return std::unique_ptr<IoQueue>(new IoThreads(reactor));
}

IoThreads::IoThreads(hal::Reactor& reactor) : reactor_(reactor) {
  for (int i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "file-io");
      run();
    });
  }
}

IoThreads::~IoThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void IoThreads::submit(IoOp& op) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(op);
  }
  filled_.notify_one();
}

void IoThreads::run() {
  for (;;) {
    IoOp* op = nullptr;
    {
      std::unique_lock lock(mutex_);
      filled_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      op = waiting_.pop_front();
      if (op == nullptr) return;
    }
    const std::int64_t result = call(*op);
    op->result = static_cast<std::int32_t>(result < 0 ? -errno : result);
    reactor_.post(*op);
  }
}

}  // namespace scsi
