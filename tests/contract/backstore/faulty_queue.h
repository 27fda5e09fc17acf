// System calls that go wrong on request: wraps a real queue at the only edge between a file channel and the kernel.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "scsi_core/backstores/io_queue.h"

namespace scsi::test {

struct Fault {
  enum class Kind : std::uint8_t { kNone, kError, kShort, kHold };
  Kind kind = Kind::kNone;
  int error = 0;            // kError: errno
  std::uint64_t bytes = 0;  // kShort: how much is moved
};

// What to do with each call; asked when it is submitted. One at a time in a process; files made with
// FaultyQueue::create while it lives obey it.
class Faults {
 public:
  using Hook = std::function<Fault(const IoOp&)>;
  Faults();
  ~Faults();
  Hook hook;                // empty: all is well
  std::vector<IoOp*> held;  // kHold: not given to the kernel yet
  void release();           // gives it what is held
  std::uint64_t calls = 0;  // submitted in all
  std::uint64_t flushes = 0;

 private:
  friend class FaultyQueue;
  IoQueue* real_ = nullptr;
};

class FaultyQueue final : public IoQueue, private hal::Deferred {
 public:
  static base::Result<std::unique_ptr<IoQueue>> create(hal::Reactor& reactor);
  void submit(IoOp& op) override;

 private:
  FaultyQueue(hal::Reactor& reactor, std::unique_ptr<IoQueue> real);
  void answer(IoOp& op, std::int64_t result);

  hal::Reactor& reactor_;
  std::unique_ptr<IoQueue> real_;
  base::IntrusiveList<IoOp> owed_;
};

}  // namespace scsi::test
