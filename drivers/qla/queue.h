// FCP exchanges on one pair of rings: commands in, CTIOs out and back. Everything here runs for each command: no
// allocation, no lock, no log line.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "drivers/qla/device.h"
#include "drivers/qla/exchange.h"
#include "drivers/qla/handle.h"
#include "drivers/qla/logins.h"
#include "drivers/qla/memory.h"
#include "drivers/qla/rings.h"
#include "drivers/qla/wire.h"

namespace qla {

class ExchangeWatcher {
 public:
  virtual ~ExchangeWatcher() = default;
  virtual void aborted_exchange_gone(std::uint32_t cookie) = 0;
};

// Whose exchanges a queue has, and where among those of the adapter they are.
struct QueuePlace {
  std::uint8_t vp = 0;
  std::uint32_t first = 0, count = 0;
};

class TargetQueue final : public hal::fc::FcQueue {
 public:
  TargetQueue(Site& site, RequestRing& ring, const Memory& memory, const Logins& logins, QueuePlace place);
  ~TargetQueue() override;

  hal::Reactor& reactor() override { return site_.reactor; }
  std::uint32_t exchange_count() const override { return slot_count_; }
  void set_user(hal::fc::FcQueueUser& user) override { user_ = &user; }
  bool offloads_protection() const override { return site_.offloads_protection; }
  void send_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) override;
  void receive_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) override;
  void terminate_data(hal::fc::Exchange& exchange) override;
  void send_response(hal::fc::Exchange& exchange, const hal::fc::ExchangeResponse& response) override;
  void drop(hal::fc::Exchange& exchange) override;

  // From the port's poll. An ATIO may need one entry of the request ring; there must be room for it.
  void set_watcher(ExchangeWatcher& watcher) { watcher_ = &watcher; }
  void atio(const wire::Atio7& atio, std::span<const wire::Entry> more);
  // One that is whole, of an open login.
  void command(const wire::Atio7& atio, std::span<const wire::Entry> more, hal::fc::LoginId login,
               const Sender& sender);
  static bool is_whole(const wire::Atio7& atio, std::span<const wire::Entry> more);
  void answered(Handle handle, const wire::Ctio7Done& done);
  void set_next(TargetQueue& next) { next_ = &next; }  // whose exchanges follow ours among those of the adapter
  void not_ours(const wire::Atio7& atio);              // to an address of which we know nothing: answered BUSY
  bool has(std::uint32_t number) const { return number - place_.first < slot_count_; }
  bool poll();
  bool idle() const { return waiting_.empty() && owed_.empty(); }
  std::uint32_t in_use() const { return in_use_; }
  // Off the path of commands.
  // ABTS: the watcher hears of the cookie when the exchange is gone. False: there is no such exchange.
  bool abort(std::uint32_t address, std::uint32_t s_id, std::uint16_t ox_id, std::uint32_t cookie);
  void login_ended(hal::fc::LoginId login);
  void check_limits(base::Time now);
  void reset();  // the adapter has forgotten all exchanges and touches no memory
  std::string describe() const;

 private:
  Slot& slot_of(Handle handle) const { return slots_.get()[handle.slot() - place_.first]; }
  std::span<Slot> slots() const { return {slots_.get(), slot_count_}; }
  Slot* find(std::uint32_t address, std::uint32_t s_id, std::uint16_t ox_id);
  void begin(Slot& slot, const wire::Atio7& atio, hal::fc::LoginId login, const Sender& sender);
  void accept(const wire::Atio7& atio, std::span<const wire::Entry> more, hal::fc::LoginId login, const Sender& sender);
  void long_command(Slot& slot, const wire::Atio7& atio, std::span<const wire::Entry> more);
  void refuse_command(const wire::Atio7& atio, hal::fc::LoginId login);
  wire::Ctio7Mode1& next_stray(const wire::Atio7& atio, std::uint16_t nport);
  void refuse(const wire::Atio7& atio, std::uint16_t nport, std::uint8_t status);
  void refuse_by_end(const wire::Atio7& atio, hal::fc::LoginId login);
  void add_step(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data, bool to_initiator);
  void advance(Slot& slot);
  bool send_step(Slot& slot, DataStep& step, std::uint32_t part);
  std::uint32_t put_more_segments(wire::Ctio7Mode0& ctio, std::span<const hal::DmaSpan> segments);
  void send_protected_step(Slot& slot, DataStep& step);  // ctio_crc.cc
  void protection_failed(Slot& slot, DataStep& step, const wire::CtioCrc2Done& done);
  void send_step_status(Slot& slot, DataStep& step);
  wire::Ctio7Mode0& begin_ending(Slot& slot);
  bool send_ending(Slot& slot);
  void ending_goes(Slot& slot);
  bool send_terminate(Slot& slot);
  void ending_answered(Handle handle, const wire::Ctio7Done& done);
  void wrong_answer(Handle handle, const wire::Ctio7Done& done);
  void step_answered(Slot& slot, DataStep& step, const wire::Ctio7Done& done);
  void step_failed(Slot& slot, DataStep& step, wire::CtioStatus status);
  void finish_unsent(Slot& slot, hal::fc::DataStatus status);
  void terminate(Slot& slot);
  void settle(Slot& slot);
  void release(Slot& slot);
  void wait(Slot& slot);
  void owe(Slot& slot);

  Site& site_;
  RequestRing& ring_;
  const Memory& memory_;
  const Logins& logins_;
  const QueuePlace place_;
  TargetQueue* next_ = nullptr;
  hal::fc::FcQueueUser* user_ = nullptr;
  ExchangeWatcher* watcher_ = nullptr;
  bool draining_ = false;
  const std::uint32_t slot_count_;
  const std::unique_ptr<Slot[]> slots_;
  Slot* free_ = nullptr;  // the one used last is taken first: it is in the cache
  std::uint32_t in_use_ = 0;
  base::IntrusiveList<Slot, WaitTag> waiting_;
  base::IntrusiveList<Slot, OwedTag> owed_;
};

inline void TargetQueue::release(Slot& slot) {
  if (slot.WaitHook::linked()) slot.WaitHook::unlink();
  if (slot.OwedHook::linked()) slot.OwedHook::unlink();
  slot.in_use = slot.alive = false;
  ++slot.generation;
  slot.next_free = std::exchange(free_, &slot);
  --in_use_;
  if (slot.aborted) watcher_->aborted_exchange_gone(slot.abort_cookie);
}

// Gives the answers that are due, in their order.
inline void TargetQueue::settle(Slot& slot) {
  while (slot.steps != 0 && slot.at(0).state == DataStep::State::kDone) {
    const DataStep& step = slot.at(0);
    const hal::fc::DataStatus status = step.status;
    const bool last = step.data.with_status && status == hal::fc::DataStatus::kDone;
    slot.first = static_cast<std::uint8_t>(slot.part(1));
    --slot.steps;
    if (status == hal::fc::DataStatus::kFailed) ++site_.counters[Count::kFailedTransfers];
    user_->data_done(slot, status);
    if (last) return release(slot);
  }
  if (slot.steps == 0 && slot.ending == Ending::kLocal) {
    user_->exchange_ended(slot);
    release(slot);
  }
}

}  // namespace qla
