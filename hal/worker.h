// A thread for calls that block (fsync, open, rename): a reactor hands a function over and is told when it has run.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hal/reactor.h"

namespace hal {

// Not for the path of a read or write. Jobs run one after another, in order.
class Worker {
 public:
  explicit Worker(std::string name);
  ~Worker();  // finishes what was submitted
  // `work` runs on the worker's thread, then `done` on `reactor`.
  void submit(Reactor& reactor, std::function<void()> work, std::function<void()> done);
  // Blocking: once it returns, every `done` is with its reactor and the thread touches no reactor any more. To be
  // called before a reactor dies that was named in submit(), unless the worker dies first.
  void drain();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hal
