// How a queue pair comes and goes: as the adapter's reactor wants it, in the next round of its own.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "drivers/qla/queue_pair.h"

namespace qla {
namespace {

constexpr base::Duration kHousekeeping = std::chrono::milliseconds(100);

// What a pair needs to know; the rest is the adapter's.
Options part_of(const Options& options) {
  Options part = options;
  part.firmware.clear();
  part.virtual_ports.clear();
  part.reactors.clear();
  return part;
}

}  // namespace

QueuePair::QueuePair(unsigned number, hal::Reactor& reactor, hal::Reactor& answers, const Options& options,
                     Memory memory, const Indices& indices, bool shadow, const Logins& logins)
    : number_(number),
      memory_(std::move(memory)),
      site_(reactor, part_of(options)),
      request_ring_(site_, memory_.request(), shadow),
      response_ring_(site_, memory_.response(), shadow),
      logins_(logins),
      queue_(site_, request_ring_, memory_, logins, {0, 0, options.exchanges}),
      timer_([](void* self) { static_cast<QueuePair*>(self)->housekeep(); }, this),
      orders_(
          reactor, [](void* self) { static_cast<QueuePair*>(self)->attach(); }, this),
      answers_(answers) {
  site_.indices = indices;
  queue_.set_watcher(*this);
}

QueuePair::~QueuePair() { detach(); }

void QueuePair::want(PairState state, std::uint32_t epoch) {
  goal_.store(goal_of(state, epoch), std::memory_order_release);
  orders_.wake();
}

bool QueuePair::there() const {
  const Goal goal = goal_.load(std::memory_order_relaxed);
  if (reached_.load(std::memory_order_acquire) != goal) return false;
  return state_of(goal) != PairState::kOff || (!orders_.waking() && !answers_.waking());
}

void QueuePair::attach() {
  if (hal::Poller::linked() || state_of(goal_.load(std::memory_order_acquire)) == PairState::kOff) return;
  site_.reactor.add(*this);
  timer_.arm(site_.reactor.timers(), site_.reactor.now() + kHousekeeping);
  if (auto watched = site_.reactor.watch(fd_, EPOLLIN, *this); !watched.has_value()) site_.fail(watched.error().text);
}

void QueuePair::detach() {
  if (!hal::Poller::linked()) return;
  site_.reactor.unwatch(fd_, *this);
  timer_.disarm();
  site_.reactor.remove(*this);
}

void QueuePair::become(Goal goal) {
  const PairState state = state_of(goal);
  const auto epoch = static_cast<std::uint32_t>(goal >> 8);
  site_.running = false;
  if (epoch != epoch_) clear(epoch);
  if (state == PairState::kOff || state == PairState::kHalted) request_ring_.close();
  if (state == PairState::kOff) detach();
  site_.running = state == PairState::kRunning;
  if (site_.running) site_.offloads_protection = offloads_;
  at_ = goal;
  tell();
  reached_.store(goal, std::memory_order_release);  // off: nothing of ours is touched after this
}

// The firmware has forgotten everything: what was out is answered by ourselves, in the next round.
void QueuePair::clear(std::uint32_t epoch) {
  epoch_ = epoch;
  queue_.reset();
  request_ring_.reset();
  response_ring_.reset();
  site_.failure.clear();
  failed_.store(false, std::memory_order_relaxed);
}

// The rings are left alone until the adapter was reset.
void QueuePair::report_failure() {
  site_.running = false;
  request_ring_.close();
  if (failed_.load(std::memory_order_relaxed)) return;
  trouble_ = fmt::format("queue {}: {}", number_, site_.failure);
  failed_.store(true, std::memory_order_release);
}

void QueuePair::fd_ready(std::uint32_t) {
  std::uint64_t count;
  if (read(fd_, &count, sizeof count) == sizeof count) ++site_.counters[Count::kInterrupts];
}

void QueuePair::housekeep() {
  timer_.arm(site_.reactor.timers(), site_.reactor.now() + kHousekeeping);
  if (site_.running) queue_.check_limits(site_.reactor.now());
  tell();
}

void QueuePair::tell() {
  for (std::size_t i = 0; i < kCounts; ++i) {
    told_counters_[i].store(site_.counters[static_cast<Count>(i)], std::memory_order_relaxed);
  }
  told_.request_in.store(request_ring_.in(), std::memory_order_relaxed);
  told_.request_out.store(request_ring_.out(), std::memory_order_relaxed);
  told_.response_out.store(response_ring_.out(), std::memory_order_relaxed);
  told_.exchanges.store(queue_.in_use(), std::memory_order_relaxed);
}

std::string QueuePair::describe() const {
  return fmt::format("queue {} on {}: requests in {} out {} of {}, responses out {} of {}, exchanges {} of {}\n",
                     number_, reactor_name(), told_.request_in.load(std::memory_order_relaxed),
                     told_.request_out.load(std::memory_order_relaxed), request_ring_.entries(),
                     told_.response_out.load(std::memory_order_relaxed), response_ring_.entries(),
                     told_.exchanges.load(std::memory_order_relaxed), queue_.exchange_count());
}

}  // namespace qla
