// The io_uring of one reactor: submits in batches, once a round, and reaps completions from shared memory.
//
// An eventfd wakes the reactor; it is armed, by a flag in shared memory, only while the reactor sleeps. Features are
// probed: deferred task work (Linux 6.1) where there is, else cooperative (5.19), else neither; without the operations
// we need it is refused.
#pragma once

#include <liburing.h>

#include "hal/reactor.h"
#include "scsi_core/backstores/io_queue.h"

namespace scsi {

class Uring final : public IoQueue, private hal::Poller, private hal::FdHandler {
 public:
  enum class Mode : std::uint8_t { kDeferred, kCooperative, kPlain };  // from the newest kernels to the oldest
  // Takes the first mode from `best` on that the kernel knows.
  static base::Result<std::unique_ptr<IoQueue>> create(hal::Reactor& reactor, Mode best = Mode::kDeferred);
  ~Uring() override;
  void submit(IoOp& op) override;

 private:
  explicit Uring(hal::Reactor& reactor) : reactor_(reactor) {}
  base::Result<void> set_up(Mode best);
  bool poll() override;
  bool try_sleep() override;
  void wake() override;
  void fd_ready(std::uint32_t events) override;
  bool anything_ready() const;
  bool prepare(IoOp& op);
  void enter();
  bool reap();

  hal::Reactor& reactor_;
  io_uring ring_{};
  bool ready_ = false;    // ring_ exists
  bool enabled_ = false;  // by the first submission: the thread of which is the only one that may submit
  int event_fd_ = -1;
  bool armed_ = false;
  bool told_ = false;
  std::uint32_t pending_ = 0;  // in the submission ring, not yet entered
  std::uint32_t out_ = 0;
  base::IntrusiveList<IoOp> waiting_;  // the submission ring is full
};

}  // namespace scsi
