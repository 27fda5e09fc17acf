// The adapter's side of its queue pairs: commands and what follows them go to the pair of their login.
#include <cstring>

#include "base/log.h"
#include "drivers/qla/adapter.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");

}  // namespace

std::vector<hal::fc::FcQueue*> Adapter::queues() {
  std::vector<hal::fc::FcQueue*> queues = {&port_.queue};
  for (const auto& pair : pairs_) queues.push_back(&pair->queue());
  return queues;
}

// What is not whole, or of nobody who may send commands, is refused by the adapter's own queue.
void Adapter::hand_on(const wire::Atio7& atio, std::span<const wire::Entry> more) {
  const hal::fc::LoginId login = port_.logins.find(atio.header.s_id);
  QueuePair* const pair = login == Logins::kNone ? nullptr : pairs_.of(login);
  if (pair == nullptr || port_.logins.found(login).state != LoginState::kOpen || !TargetQueue::is_whole(atio, more)) {
    return port_.queue.atio(atio, more);
  }
  Order order;
  order.more = static_cast<std::uint8_t>(more.size());
  order.login = login;
  order.sender = port_.logins.found(login);
  order.generation = port_.logins.generation(login);
  order.epoch = device_.epoch;
  std::memcpy(static_cast<void*>(&order.entry), static_cast<const void*>(&atio), sizeof order.entry);
  pair->command(order, more);
}

bool Adapter::poll_pairs() {
  bool worked = false;
  for (const auto& pair : pairs_) {
    while (const AbortAnswer* const answer = pair->next_answer()) {
      port_.aborts.answered(*answer);
      pair->answer_taken();
      worked = true;
    }
  }
  return pairs_.flush() || worked;
}

void Adapter::check_pairs() {
  for (const auto& pair : pairs_) {
    if (pair->failed()) return device_.fail(pair->trouble());
  }
}

// Logins of queues that the firmware has not got come by the first.
void Adapter::pairs_made() {
  if (pairs_.empty()) return;
  port_.logins.use_queues(bringup_.pairs_work() ? pairs_.queues() : 1);
  if (!bringup_.pairs_work()) kLog.info("{}: the firmware has one queue only", device_.options.name);
  // Their interrupts are their own, and the switch is one for all: from now on it stays on.
  device_.registers.write(regs::InterruptControl{}.set<regs::InterruptControl::Enable>(true));
}

// They are to leave their reactors; nothing of ours can go before they have.
bool Adapter::pairs_off() {
  if (pairs_.empty()) return true;
  const base::Time now = device_.reactor.now();
  if (!std::exchange(pairs_leaving_, true)) {
    pairs_.want(PairState::kOff, device_.epoch);
    stop_deadline_ = now + std::chrono::seconds(5);
  }
  const QueuePair* const late = pairs_.laggard();
  if (late == nullptr) {
    pairs_leaving_ = false;
    return true;
  }
  if (now >= stop_deadline_) {
    kLog.error("{}: queue {} on {} does not answer", device_.options.name, late->number(), late->reactor_name());
    stop_deadline_ = now + std::chrono::seconds(60);
  }
  return false;
}

}  // namespace qla
