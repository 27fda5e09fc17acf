// What a queue pair does on its reactor for each command: orders in, answers of CTIOs in, one doorbell for both.
#include "drivers/qla/queue_pair.h"

#include <algorithm>

namespace qla {
namespace {

constexpr std::uint32_t kBudget = 64;  // entries of each kind in one round

}  // namespace

bool QueuePair::poll() {
  if (const Goal goal = goal_.load(std::memory_order_acquire); goal != at_) [[unlikely]] {
    become(goal);
    if (state_of(goal) == PairState::kOff) return true;
  }
  bool worked = false;
  if (site_.running) [[likely]] {
    worked = poll_responses();
    if (worked) response_ring_.flush();
    worked |= poll_orders();
  }
  worked |= queue_.poll();
  if (site_.running) [[likely]]
    worked |= request_ring_.flush();
  worked |= answers_.flush();
  if (!site_.failure.empty()) [[unlikely]]
    report_failure();
  return worked;
}

bool QueuePair::poll_responses() {
  if (!response_ring_.peek()) return false;
  const std::uint32_t ready = std::min(response_ring_.ready(), kBudget);
  wire::Entry entry;
  for (std::uint32_t i = 0; i < ready; ++i) {
    response_ring_.take(entry);
    const Handle handle{entry.head.handle};
    const auto type = static_cast<wire::EntryType>(entry.head.type);
    const bool ctio = type == wire::EntryType::kCtio7 || type == wire::EntryType::kCtioCrc2;  // they begin alike
    if (ctio && handle.kind() != HandleKind::kControl) [[likely]] {
      queue_.answered(handle, reinterpret_cast<const wire::Ctio7Done&>(entry));
    } else {
      site_.wrong(Count::kWrongEntryType, "entry of a type that is not for this queue", entry.head.type);
    }
  }
  return ready != 0;
}

// A command that is refused needs an entry at once; without room it stays where it is, and all behind it.
bool QueuePair::poll_orders() {
  bool any = false;
  for (std::uint32_t i = 0; i < kBudget && request_ring_.has_room(1); ++i) {
    const Order* const order = orders_.front();
    if (order == nullptr) break;
    const std::uint32_t entries = 1u + order->more;
    if (order->epoch == epoch_) [[likely]]
      carry_out(*order);
    orders_.pop(entries);
    any = true;
  }
  return any;
}

void QueuePair::carry_out(const Order& order) {
  switch (order.kind) {
    case Order::Kind::kCommand: {
      const auto& atio = reinterpret_cast<const wire::Atio7&>(order.entry);
      // The login may have ended since: then its user has been told, and knows of no new command.
      if (logins_.generation(order.login) != order.generation) [[unlikely]]
        return queue_.not_ours(atio);
      std::array<wire::Entry, kMostEntries - 1> more;
      for (std::uint32_t i = 0; i < order.more; ++i) more[i] = orders_.front(i + 1)->entry;
      return queue_.command(atio, std::span(more).first(order.more), order.login, order.sender);
    }
    case Order::Kind::kAbort: {
      const auto& abts = reinterpret_cast<const wire::AbtsReceived&>(order.entry);
      if (!queue_.abort(abts.exchange_to_abort, abts.header.s_id, abts.header.ox_id, order.cookie)) {
        answers_.add({order.cookie, false});
      }
      return;
    }
    case Order::Kind::kLoginEnded:
      return queue_.login_ended(order.login);
    case Order::Kind::kMore:
      return;
  }
}

bool QueuePair::try_sleep() {
  if (goal_.load(std::memory_order_acquire) != at_ || !queue_.idle() || !answers_.all_shown()) return false;
  if (!site_.running) return true;
  if (orders_.front() != nullptr || request_ring_.flush()) return false;
  return !response_ring_.peek();
}

}  // namespace qla
