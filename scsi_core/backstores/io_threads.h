// The same calls by a few threads that block: for kernels and containers without io_uring. Slower, otherwise equal.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "scsi_core/backstores/io_queue.h"

namespace scsi {

class IoThreads final : public IoQueue {
 public:
  static base::Result<std::unique_ptr<IoQueue>> create(hal::Reactor& reactor);
  ~IoThreads() override;
  void submit(IoOp& op) override;

 private:
  explicit IoThreads(hal::Reactor& reactor);
  void run();

  hal::Reactor& reactor_;
  std::mutex mutex_;
  std::condition_variable filled_;
  base::IntrusiveList<IoOp> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace scsi
