// The reactors that carry nexuses, with their routers, and how to reach all of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "hal/reactor.h"
#include "scsi_core/core.h"

namespace scsi {

class Router;

class Fleet {
 public:
  Fleet(std::vector<hal::Reactor*> reactors, const CoreOptions& options);
  ~Fleet();
  std::size_t size() const { return reactors_.size(); }
  hal::Reactor& reactor(std::size_t index) { return *reactors_[index]; }
  Router& router(std::size_t index) { return *routers_[index]; }
  std::size_t index_of(const hal::Reactor& reactor) const;
  const CoreOptions& options() const { return options_; }

  // Runs `work(index)` on every reactor: on the calling one at once, on the others by message. `done` (if any) is run
  // on `origin`, the calling reactor, by message, once all have.
  void on_each(hal::Reactor& origin, const std::function<void(std::size_t)>& work, std::function<void()> done);
  // The same where `work` answers later, by calling `answer` on its reactor, once.
  using Answer = std::function<void()>;
  void ask_each(hal::Reactor& origin, const std::function<void(std::size_t, Answer)>& work, std::function<void()> done);

 private:
  CoreOptions options_;
  std::vector<hal::Reactor*> reactors_;
  std::vector<std::unique_ptr<Router>> routers_;
};

}  // namespace scsi
