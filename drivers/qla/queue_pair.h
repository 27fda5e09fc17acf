// A further request and response queue with a reactor of its own (later chips; mailbox command 1F): the exchanges of
// the logins that hal::fc::FcPort::queue_of gives it. Their commands, and what else concerns them, come from the
// adapter's reactor as orders, one behind the other; CTIOs go out and come back here.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "drivers/qla/memory.h"
#include "drivers/qla/queue.h"
#include "hal/channel.h"

namespace qla {

// From the adapter's reactor to a pair's.
struct Order {
  enum class Kind : std::uint8_t { kCommand, kMore, kAbort, kLoginEnded };
  Kind kind = Kind::kCommand;
  std::uint8_t more = 0;  // kMore entries that follow
  hal::fc::LoginId login = 0;
  Sender sender{};
  std::uint32_t generation = 0;  // of the login
  std::uint32_t epoch = 0;       // Device::epoch: what is older is not carried out
  std::uint32_t cookie = 0;      // kAbort
  wire::Entry entry{};           // ATIO or ABTS
};
struct AbortAnswer {  // and back: the exchange is over; or was not there
  std::uint32_t cookie = 0;
  bool found = false;
};

// A step further up needs the one before it; down, any may follow any.
enum class PairState : std::uint8_t {
  kOff,      // not on its reactor
  kHalted,   // leaves rings and registers alone
  kCleared,  // what was out is answered kFailed, the rings are empty
  kRunning,
};

class QueuePair final : public hal::Poller, public hal::FdHandler, private ExchangeWatcher {
 public:
  // `number` is the firmware's, and the place in FcPort::queues(). `answers`: the adapter's reactor.
  QueuePair(unsigned number, hal::Reactor& reactor, hal::Reactor& answers, const Options& options, Memory memory,
            const Indices& indices, bool shadow, const Logins& logins);
  ~QueuePair() override;
  TargetQueue& queue() { return queue_; }
  unsigned number() const { return number_; }
  const Memory& memory() const { return memory_; }
  // The adapter has the first two of MSI-X.
  static unsigned vector_of(unsigned number) { return number + 1; }
  const std::string& reactor_name() const { return site_.reactor.options().name; }

  // --- the adapter's reactor ---
  void use_interrupt(int fd) { fd_ = fd; }              // while it is off
  void offload_protection(bool on) { offloads_ = on; }  // before it is to run
  void want(PairState state, std::uint32_t epoch);
  bool there() const;                               // what is wanted, is; off: nothing of it is under way any more
  static constexpr std::uint32_t kMostEntries = 8;  // of an ATIO
  bool has_room(std::uint32_t entries) { return orders_.has_room(entries); }
  void command(const Order& order, std::span<const wire::Entry> more) {  // only with room
    orders_.next() = order;
    for (const wire::Entry& entry : more) orders_.next() = {.kind = Order::Kind::kMore, .entry = entry};
  }
  void add(const Order& order) { orders_.add(order); }
  bool flush() { return orders_.flush(); }
  bool all_sent() const { return orders_.all_shown(); }
  const AbortAnswer* next_answer() { return answers_.front(); }
  void answer_taken() { answers_.pop(); }
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  const std::string& trouble() const { return trouble_; }  // when it failed
  // As it was a moment ago.
  std::uint64_t counted(Count count) const {
    return told_counters_[static_cast<std::size_t>(count)].load(std::memory_order_relaxed);
  }
  std::string describe() const;

  // --- its own ---
  void detach();  // or where its reactor does not run
  bool poll() override;
  bool try_sleep() override;
  void fd_ready(std::uint32_t events) override;

 private:
  static constexpr std::uint32_t kOrders = 1024, kAnswers = 256;
  using Goal = std::uint64_t;  // epoch and state
  static Goal goal_of(PairState state, std::uint32_t epoch) {
    return std::uint64_t{epoch} << 8 | static_cast<std::uint8_t>(state);
  }
  static PairState state_of(Goal goal) { return static_cast<PairState>(goal & 0xff); }
  void attach();
  void become(Goal goal);
  void clear(std::uint32_t epoch);
  bool poll_responses();
  bool poll_orders();
  void carry_out(const Order& order);
  void report_failure();
  void housekeep();
  void tell();
  void aborted_exchange_gone(std::uint32_t cookie) override { answers_.add({cookie, true}); }

  const unsigned number_;
  Memory memory_;
  Site site_;
  RequestRing request_ring_;
  ResponseRing response_ring_;
  const Logins& logins_;  // their generations, no more
  TargetQueue queue_;
  hal::Timer timer_;
  hal::Channel<Order, kOrders> orders_;
  hal::Channel<AbortAnswer, kAnswers> answers_;
  int fd_ = -1;
  bool offloads_ = false;
  std::uint32_t epoch_ = 0;
  Goal at_ = goal_of(PairState::kOff, 0);

  std::string trouble_;
  std::atomic<bool> failed_{false};
  std::atomic<Goal> goal_{at_}, reached_{at_};
  std::array<std::atomic<std::uint64_t>, kCounts> told_counters_{};
  struct Told {
    std::atomic<std::uint32_t> request_in, request_out, response_out, exchanges;
  } told_{};
};

}  // namespace qla
