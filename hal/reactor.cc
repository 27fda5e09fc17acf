// The poll loop.
#include "hal/reactor.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/log.h"
#include "hal/dma.h"

namespace hal {
namespace {

constexpr base::Logger kLog("hal");
// With pollers busy, descriptors are looked at every so many rounds only: a system call per round would cost more than
// it finds.
constexpr std::uint32_t kRoundsPerEpoll = 8;
thread_local Reactor* current_reactor = nullptr;

struct FunctionMessage : Message {
  explicit FunctionMessage(std::function<void()> fn) : Message(&FunctionMessage::call), function(std::move(fn)) {}
  static void call(Message& message) {
    const std::unique_ptr<FunctionMessage> self(static_cast<FunctionMessage*>(&message));
    self->function();
  }
  std::function<void()> function;
};

}  // namespace

base::Result<std::unique_ptr<Reactor>> Reactor::create(ReactorOptions options) {
  std::unique_ptr<Reactor> made(new Reactor(std::move(options)));
  made->epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (made->epoll_fd_ < 0) return base::fail_errno("epoll_create1");
  made->wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made->wake_fd_ < 0) return base::fail_errno("eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ctl(made->epoll_fd_, EPOLL_CTL_ADD, made->wake_fd_, &event) != 0) return base::fail_errno("epoll_ctl");
  return made;
}

Reactor::Reactor(ReactorOptions options)
    : options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : &real_clock_),
      dma_(std::make_unique<DmaPool>(options_.dma_limit)) {
  now_ = last_work_ = clock_->now();
#ifdef OUTBOARD_SHUFFLE
  if (options_.shuffle_seed == 0) {
    options_.shuffle_seed = static_cast<std::uint64_t>(base::RealClock().now().time_since_epoch().count()) | 1;
    kLog.info("{}: polling in shuffled order, seed {}", options_.name, options_.shuffle_seed);
  }
#endif
  shuffle_ = base::SeededRandom(options_.shuffle_seed);
}

Reactor::~Reactor() {
  mailbox_.drain();
  while (run_deferred()) {
  }
  if (wake_fd_ >= 0) close(wake_fd_);
  if (epoll_fd_ >= 0) close(epoll_fd_);
}

Reactor* Reactor::current() { return current_reactor; }

base::Result<void> Reactor::watch(int fd, std::uint32_t events, FdHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) return base::fail_errno("epoll add");
  return {};
}

base::Result<void> Reactor::rewatch(int fd, std::uint32_t events, FdHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) != 0) return base::fail_errno("epoll modify");
  return {};
}

void Reactor::unwatch(int fd, FdHandler& handler) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  std::replace(ready_handlers_.begin(), ready_handlers_.end(), &handler, static_cast<FdHandler*>(nullptr));
}

bool Reactor::run_once() {
  Reactor* const outer = std::exchange(current_reactor, this);
  now_ = clock_->now();
  bool worked = mailbox_.drain();
  const bool pollers_worked = poll_pollers();
  if (!pollers_worked || ++rounds_since_epoll_ >= kRoundsPerEpoll) {
    rounds_since_epoll_ = 0;
    worked |= poll_descriptors(0);
  }
  worked |= run_deferred();
  worked |= timers_.fire(now_) > 0;
  worked |= pollers_worked;
  current_reactor = outer;
  return worked;
}

void Reactor::run() {
  if (options_.core >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<std::size_t>(options_.core), &cpus);
    if (pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) != 0) {
      kLog.warn("{}: cannot be pinned to core {}", options_.name, options_.core);
    }
  }
  pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
  current_reactor = this;
  last_work_ = clock_->now();
  while (!stop_.load(std::memory_order_relaxed)) {
    if (run_once()) {
      last_work_ = now_;
    } else if (!options_.never_sleep && now_ - last_work_ >= options_.busy_poll) {
      sleep();
    }
  }
  current_reactor = nullptr;
}

void Reactor::post(Message& message) {
  const bool was_empty = mailbox_.push(message);
  std::atomic_thread_fence(
      std::memory_order_seq_cst);  // pairs with sleep(): either it sees the message or we see it asleep
  if (was_empty && asleep_.load(std::memory_order_relaxed)) {
    const std::uint64_t one = 1;
    if (write(wake_fd_, &one, sizeof one) < 0 && errno != EAGAIN) kLog.error("{}: cannot be woken", options_.name);
  }
}

void Reactor::stop() {
  post_function([this] { stop_.store(true, std::memory_order_relaxed); });
}

void Reactor::post_function(std::function<void()> function) {
  post(*std::make_unique<FunctionMessage>(std::move(function)).release());
}

bool Reactor::poll_descriptors(int timeout_ms) {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), timeout_ms);
  if (count <= 0) return false;
  if (timeout_ms != 0) now_ = clock_->now();
  ready_handlers_.clear();
  for (int i = 0; i < count; ++i) {
    ready_handlers_.push_back(static_cast<FdHandler*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (events[i].data.ptr == nullptr) {
      std::uint64_t ignored;
      while (read(wake_fd_, &ignored, sizeof ignored) > 0) {
      }
    } else if (FdHandler* const handler = ready_handlers_[i]) {
      handler->fd_ready(events[i].events);
    }
  }
  ready_handlers_.clear();
  return true;
}

bool Reactor::poll_pollers() {
  bool worked = false;
#ifdef OUTBOARD_SHUFFLE
  std::vector<Poller*> order;
  pollers_.for_each([&](Poller& poller) { order.push_back(&poller); });
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[shuffle_.below(i)]);
  for (Poller* poller : order) {
    // A poller may have removed another that comes later in this round.
    if (pollers_.find_if([&](Poller& p) { return &p == poller; }) != nullptr) worked |= poller->poll();
  }
#else
  // Each goes back before it runs, so that any poller may remove itself or any other.
  base::IntrusiveList<Poller> batch;
  while (Poller* poller = pollers_.pop_front()) batch.push_back(*poller);
  while (Poller* poller = batch.pop_front()) {
    pollers_.push_back(*poller);
    worked |= poller->poll();
  }
#endif
  return worked;
}

bool Reactor::run_deferred() {
  // What is posted while this runs waits for the next round: nothing is starved by a chain of answers.
  base::IntrusiveList<Deferred> batch;
  while (Deferred* deferred = deferred_.pop_front()) batch.push_back(*deferred);
  bool worked = false;
  while (Deferred* deferred = batch.pop_front()) {
    deferred->run_(*deferred);
    worked = true;
  }
  return worked;
}

void Reactor::sleep() {
  if (!deferred_.empty()) return;
  bool ready = true;
  pollers_.for_each([&](Poller& poller) { ready &= poller.try_sleep(); });
  asleep_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with post()
  if (ready && mailbox_.empty()) {
    int timeout_ms = -1;
    if (!timers_.empty()) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(timers_.next() - clock_->now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000));
    }
    current_reactor = this;
    poll_descriptors(timeout_ms);
  }
  asleep_.store(false, std::memory_order_relaxed);
  pollers_.for_each([](Poller& poller) { poller.wake(); });
  now_ = last_work_ = clock_->now();
}

}  // namespace hal
