// Asynchronous system calls on files: one reactor's queue. io_uring where the kernel offers it, threads where not.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "base/result.h"
#include "hal/mailbox.h"
#include "hal/reactor.h"

namespace scsi {

// One system call; owned by the queue from submit() until `done` is called, from the poll loop, never from submit().
struct IoOp : base::ListHook<IoOp>, hal::Message {
  using Done = void (*)(IoOp& op);
  enum class Kind : std::uint8_t { kRead, kWrite, kDataSync, kAllocate };
  explicit IoOp(Done when_done) : hal::Message(&IoOp::finished), done(when_done) {}
  Done done;
  Kind kind = Kind::kRead;
  bool data_sync = false;  // kWrite: as if followed by fdatasync of what it wrote (RWF_DSYNC)
  int fd = -1;
  int mode = 0;                 // kAllocate: of fallocate(2)
  std::uint32_t iov_count = 0;  // kRead, kWrite
  const iovec* iov = nullptr;   // stays until done
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // kAllocate
  std::int32_t result = 0;   // what the call returned, or -errno

 private:
  static void finished(hal::Message& message) {
    auto& op = static_cast<IoOp&>(message);
    op.done(op);
  }
};

class IoQueue {
 public:
  // Operations out at a time; who owns more waits (FileEngine).
  static constexpr std::uint32_t kDepth = 512;
  virtual ~IoQueue() = default;  // on the reactor's thread or when its loop has ended; nothing is out
  virtual void submit(IoOp& op) = 0;
};

using MakeIoQueue = base::Result<std::unique_ptr<IoQueue>> (*)(hal::Reactor& reactor);
// io_uring, or threads when this kernel or its administrator does not offer it.
base::Result<std::unique_ptr<IoQueue>> make_io_queue(hal::Reactor& reactor);

}  // namespace scsi
