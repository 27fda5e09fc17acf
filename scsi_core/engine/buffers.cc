// Buffers for handlers: small replies, parameter lists, and the queue of commands that wait for memory.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/memory_queue.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/execution.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr std::uint32_t kLargestParameterList = 64 * 1024;

bool take_pieces(Command& command, hal::DmaPool& pool, std::uint64_t length, std::uint64_t piece) {
  CoreState& core = command.core;
  core.segment_count = 0;
  core.pool_segments = true;
  for (std::uint64_t left = length; left > 0;) {
    const std::uint64_t size = std::min(left, piece);
    const hal::DmaSpan span = pool.take(size);
    if (span.bytes.empty()) {
      release_buffers(command);
      return false;
    }
    core.segments[core.segment_count++] = span.subspan(0, size);
    left -= size;
  }
  return true;
}

// The fewest pieces; smaller ones when the large ones have run out, up to `most` of them.
bool take_all(Command& command, hal::DmaPool& pool, std::uint64_t length, std::size_t most) {
  for (std::size_t i = hal::DmaPool::kSizes.size(); i-- > 0;) {
    const std::uint64_t piece = hal::DmaPool::kSizes[i];
    if (i > 0 && hal::DmaPool::kSizes[i - 1] >= length) continue;
    if (length > piece * most) return false;
    if (take_pieces(command, pool, length, piece)) return true;
  }
  return false;
}

}  // namespace

MemoryQueue::MemoryQueue(hal::DmaPool& pool, hal::Reactor& reactor) : pool_(pool), reactor_(reactor), retry_(*this) {}

MemoryQueue::~MemoryQueue() {
  if (hal::DmaPool::Waiter::linked()) hal::DmaPool::Waiter::unlink();
  if (retry_.linked()) retry_.unlink();
}

bool MemoryQueue::take(Command& command, std::uint64_t length, std::uint8_t pieces) {
  if (waiting_.empty() && take_all(command, pool_, length, pieces)) return true;
  command.core.wanted = length;
  command.core.wanted_pieces = pieces;
  waiting_.push_back(command);
  if (!hal::DmaPool::Waiter::linked()) pool_.wait(*this);
  return false;
}

void MemoryQueue::cancel(Command& command) {
  static_cast<base::ListHook<MemoryWaitTag>&>(command).unlink();
  if (!retry_.linked()) reactor_.defer(retry_);  // those behind it may fit
}

void MemoryQueue::dma_available() {
  if (!retry_.linked()) reactor_.defer(retry_);
}

void MemoryQueue::Retry::run(hal::Deferred& deferred) { static_cast<Retry&>(deferred).queue.retry(); }

void MemoryQueue::retry() {
  while (!waiting_.empty()) {
    Command& command = waiting_.front();
    if (!take_all(command, pool_, command.core.wanted, command.core.wanted_pieces)) break;
    static_cast<base::ListHook<MemoryWaitTag>&>(command).unlink();
    resume(command);
  }
  if (!waiting_.empty() && !hal::DmaPool::Waiter::linked()) pool_.wait(*this);
}

MemoryQueue& Router::memory(hal::DmaPool& pool) {
  for (const auto& queue : memory_) {
    if (&queue->pool() == &pool) return *queue;
  }
  memory_.push_back(std::make_unique<MemoryQueue>(pool, reactor_));
  return *memory_.back();
}

namespace {

void take(Command& command, std::uint64_t length, std::uint8_t pieces, Step then) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive && core.segment_count == 0);
  core.next = then;
  Router& router = router_of(command);
  if (router.memory(command.nexus->port.buffers()).take(command, length, pieces)) return then(command);
  core.state = CommandState::kMemory;
  core.step_at = router.reactor().now();
  core.audit.add(core.step_at, CommandEvent::kWaits, static_cast<std::uint32_t>(WaitReason::kMemory));
}

}  // namespace

void take_buffers(Command& command, std::uint64_t length, Step then) {
  CHECK(length <= hal::DmaPool::kLargest * CoreState::kMaxSegments);
  take(command, length, CoreState::kMaxSegments, then);
}

void give_back_buffers(Command& command) {
  CoreState& core = command.core;
  hal::DmaPool& pool = command.nexus->port.buffers();
  for (std::size_t i = 0; i < core.segment_count; ++i) pool.give(core.segments[i].bytes.data());
  core.pool_segments = false;
}

void reply(Command& command, std::span<const std::byte> data) {
  CoreState& core = command.core;
  CHECK(core.state == CommandState::kActive && data.size() <= hal::DmaPool::kLargest);
  release_buffers(command);
  core.length = data.size();
  if (transferable(command) == 0) return complete(command, Outcome::good());
  if (!take_all(command, command.nexus->port.buffers(), data.size(), CoreState::kMaxSegments)) {
    return complete(command, Outcome::of(Status::kBusy));
  }
  for (std::size_t i = 0; i < core.segment_count; ++i) {
    const std::span<std::byte> to = core.segments[i].bytes;
    std::memcpy(to.data(), data.data(), to.size());
    data = data.subspan(to.size());
  }
  send_last(command, 0, core.length);
}

void receive_parameters(Command& command, std::uint32_t length, Step then) {
  CoreState& core = command.core;
  core.length = length;
  if (length > kLargestParameterList || transferable(command) < length) {
    return finish(command, Outcome::check(kParameterListLengthError));
  }
  core.remote = then;  // free until at_home
  take(command, length, 1, [](Command& c) { receive(c, 0, c.core.length, c.core.remote); });
}

std::span<const std::byte> parameters(const Command& command) {
  if (command.core.segment_count == 0) return {};
  return command.core.segments[0].bytes;
}

}  // namespace scsi
