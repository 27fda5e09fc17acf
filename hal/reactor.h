// The poll loop of one core. Everything that belongs to a reactor is touched by its thread only; others post messages.
//
// A round: mailbox, ready file descriptors, pollers (in shuffled order in debug builds), deferred answers, timers. It
// polls while there is work and for `busy_poll` after the last of it; then every poller is asked to sleep and the
// thread waits in epoll until a descriptor, a message or the next timer. Time is the injected clock, read once per
// round.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/random.h"
#include "base/result.h"
#include "hal/mailbox.h"
#include "hal/timer.h"

namespace hal {

class DmaPool;

// Something that is asked each round whether it has work. Registered on one reactor; owned elsewhere.
class Poller : public base::ListHook<Poller> {
 public:
  virtual ~Poller() = default;
  virtual bool poll() = 0;                   // does a bounded amount of work; true if it did any
  virtual bool try_sleep() { return true; }  // about to sleep: arm interrupts; false if there is work after all
  virtual void wake() {}                     // sleep is over: disarm interrupts
};

// Told when a descriptor is ready. `events` is an epoll mask.
class FdHandler {
 public:
  virtual ~FdHandler() = default;
  virtual void fd_ready(std::uint32_t events) = 0;
};

// An up-call that is owed: runs once, later in the same round or in the next, never from inside the down-call that
// posted it. Embedded in the object it speaks for; no allocation.
class Deferred : public base::ListHook<Deferred> {
 public:
  using Run = void (*)(Deferred& deferred);
  explicit Deferred(Run run) : run_(run) {}

 private:
  friend class Reactor;
  Run run_;
};

struct ReactorOptions {
  std::string name = "reactor";
  int core = -1;                                             // CPU to pin to, or -1
  base::Duration busy_poll = std::chrono::microseconds(50);  // how long to keep polling without work before sleeping
  bool never_sleep = false;                                  // busy polling for ever
  base::Clock* clock = nullptr;                              // null: CLOCK_MONOTONIC
  std::uint64_t shuffle_seed = 0;                            // 0: take one and print it (debug builds)
  std::size_t dma_limit = std::size_t{1} << 30;              // bytes the pool may grow to
};

class Reactor {
 public:
  static base::Result<std::unique_ptr<Reactor>> create(ReactorOptions options);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // --- own thread ---
  base::Time now() const { return now_; }  // start of this round
  TimerQueue& timers() { return timers_; }
  DmaPool& dma() { return *dma_; }
  void add(Poller& poller) { pollers_.push_back(poller); }
  void remove(Poller& poller) { poller.unlink(); }
  base::Result<void> watch(int fd, std::uint32_t events, FdHandler& handler);
  base::Result<void> rewatch(int fd, std::uint32_t events, FdHandler& handler);
  void unwatch(int fd, FdHandler& handler);  // the handler is not called after this, not even for events at hand
  void defer(Deferred& deferred) { deferred_.push_back(deferred); }
  // One round without sleeping; true if anything was done. Tests and the simulator drive the reactor with this.
  bool run_once();
  // Rounds until stop(); sleeps when idle.
  void run();

  // --- any thread ---
  void post(Message& message);
  void stop();
  // Posts a one-off function; allocates, for configuration and tests only.
  void post_function(std::function<void()> function);

  const ReactorOptions& options() const { return options_; }
  std::uint32_t index = 0;  // place among its siblings; set once by whoever creates them
  // Reactor whose loop is running on this thread, or null.
  static Reactor* current();

 private:
  explicit Reactor(ReactorOptions options);
  bool poll_descriptors(int timeout_ms);
  bool poll_pollers();
  bool run_deferred();
  void sleep();

  ReactorOptions options_;
  base::RealClock real_clock_;
  base::Clock* clock_;
  base::Time now_{};
  base::Time last_work_{};
  base::SeededRandom shuffle_{1};
  TimerQueue timers_;
  base::IntrusiveList<Poller> pollers_;
  base::IntrusiveList<Deferred> deferred_;
  Mailbox mailbox_;
  std::unique_ptr<DmaPool> dma_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> asleep_{false};
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  std::vector<FdHandler*> ready_handlers_;  // of the epoll batch being served; nulled by unwatch
  std::uint32_t rounds_since_epoll_ = 0;
};

}  // namespace hal
