// FCP exchanges on one pair of rings: commands in, CTIOs out and back. Everything here runs for each command: no
// allocation, no lock, no log line.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

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
  virtual void aborted_exchange_gone(std::uint32_t index) = 0;
};

class TargetQueue final : public hal::fc::FcQueue {
 public:
  TargetQueue(Device& device, RequestRing& ring, const Memory& memory, const Logins& logins);
  ~TargetQueue() override;

  hal::Reactor& reactor() override { return device_.reactor; }
  std::uint32_t exchange_count() const override { return static_cast<std::uint32_t>(slots_.size()); }
  void set_user(hal::fc::FcQueueUser& user) override { user_ = &user; }
  void send_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) override;
  void receive_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) override;
  void terminate_data(hal::fc::Exchange& exchange) override;
  void send_response(hal::fc::Exchange& exchange, const hal::fc::ExchangeResponse& response) override;
  void drop(hal::fc::Exchange& exchange) override;

  // From the port's poll. An ATIO may need one entry of the request ring; there must be room for it.
  void set_watcher(ExchangeWatcher& watcher) { watcher_ = &watcher; }
  void atio(const wire::Atio7& atio, std::span<const wire::Entry> more);
  void answered(Handle handle, const wire::Ctio7Done& done);
  bool poll();
  bool idle() const { return waiting_.empty() && owed_.empty(); }
  std::uint32_t in_use() const { return exchange_count() - static_cast<std::uint32_t>(free_.size()); }
  // Off the path of commands.
  Slot* find(std::uint32_t address, std::uint32_t s_id, std::uint16_t ox_id);
  void abort(Slot& slot);
  void login_ended(hal::fc::LoginId login);
  void check_limits(base::Time now);
  void reset();  // the adapter has forgotten all exchanges and touches no memory
  std::string describe() const;

 private:
  void begin(Slot& slot, const wire::Atio7& atio, hal::fc::LoginId login);
  void refuse(const wire::Atio7& atio, std::uint16_t nport, std::uint8_t status);
  void refuse_by_end(const wire::Atio7& atio, std::uint16_t nport);
  void add_step(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data, bool to_initiator);
  void advance(Slot& slot);
  bool send_step(Slot& slot, std::uint32_t index);
  void send_step_status(Slot& slot, std::uint32_t index);
  bool send_ending(Slot& slot);
  bool send_terminate(Slot& slot);
  void step_answered(Slot& slot, DataStep& step, const wire::Ctio7Done& done);
  void finish_unsent(Slot& slot, hal::fc::DataStatus status);
  void terminate(Slot& slot);
  void settle(Slot& slot);
  void release(Slot& slot);
  void wait(Slot& slot);
  void owe(Slot& slot);
  std::uint32_t index_of(const Slot& slot) const { return slot.index; }
  hal::DmaSpan response_iu(const Slot& slot) const { return memory_.response_iu(slot.index); }

  Device& device_;
  RequestRing& ring_;
  const Memory& memory_;
  const Logins& logins_;
  hal::fc::FcQueueUser* user_ = nullptr;
  ExchangeWatcher* watcher_ = nullptr;
  bool draining_ = false;
  std::vector<Slot> slots_;
  std::vector<Slot*> free_;  // the one used last is taken first: it is in the cache
  base::IntrusiveList<Slot, WaitTag> waiting_;
  base::IntrusiveList<Slot, OwedTag> owed_;
};

}  // namespace qla
