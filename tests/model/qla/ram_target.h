// A user of an FcPort for tests: a disk of bytes that answers in ways drawn from a seed, and holds the port to its
// contract.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "hal/dma.h"
#include "hal/port/fc_port.h"

namespace model_test {

// Reads and writes have their place in bytes 2 to 5 of the CDB. 0xee: CHECK CONDITION with 18 bytes of sense data,
// 0xef: with 100. A task management request aborts everything of its initiator.
class RamTarget final : public hal::fc::FcPortUser, public hal::fc::FcQueueUser, public hal::Poller {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  RamTarget(hal::fc::FcPort& port, std::uint64_t seed);
  ~RamTarget() override;

  std::span<std::byte> memory() { return memory_.bytes().first(kBytes); }
  bool idle() const { return used_ == 0; }
  std::uint32_t used() const { return used_; }
  bool slow = false;     // holds commands for many rounds
  bool stalled = false;  // does nothing with commands at all
  // If set: each command is one transfer with it, of whole blocks; block n of the disk has its information at
  // information() + 8 n. A check that fails is answered CHECK CONDITION.
  std::optional<hal::ProtectionTransfer> protection;
  std::span<std::byte> information() { return memory_.bytes().subspan(kBytes); }
  int protection_faults = 0;
  hal::ProtectionFault fault;

  // What the port told.
  std::vector<std::string> told;
  std::vector<hal::fc::LoginId> logins;  // that are working
  hal::fc::Link link;
  bool link_is_up = false;
  int link_ups = 0, failures = 0, aborts = 0, commands = 0;
  std::vector<int> by_queue;  // commands
  bool accepts = true;
  std::vector<std::byte> ct_reply;
  hal::fc::CtStatus ct_status = hal::fc::CtStatus::kFailed;
  int ct_answers = 0, login_answers = 0, good_login_answers = 0;
  std::vector<std::byte> pages;
  std::vector<base::Result<void>> reports;  // answers to RSCNs of our own

  void link_up(const hal::fc::Link& now) override;
  void link_down() override;
  void link_service_received(const hal::fc::LinkService& service) override;
  void logged_in(hal::fc::LoginId login, const hal::fc::RemotePort& initiator, std::uint32_t parameters) override;
  void login_ended(hal::fc::LoginId login) override;
  void login_answered(hal::fc::PortId port, base::Result<void> result) override;
  void ct_answered(std::uint32_t id, hal::fc::CtStatus status, std::span<const std::byte> reply) override;
  void state_changed(std::span<const std::byte> changed) override;
  void state_change_reported(base::Result<void> result) override { reports.push_back(std::move(result)); }
  void adapter_failed(const std::string& reason, bool recovers) override;

  void command_received(hal::fc::Exchange& exchange) override;
  void data_done(hal::fc::Exchange& exchange, hal::fc::DataStatus status) override;
  void abort_received(hal::fc::Exchange& exchange) override;
  void exchange_ended(hal::fc::Exchange& exchange) override;

  bool poll() override;

 private:
  enum class State { kFree, kNew, kMoving, kResponding, kEnding };
  struct Slot {
    State state = State::kFree;
    hal::fc::Exchange* exchange = nullptr;
    std::uint32_t wait = 0;  // rounds
    std::uint32_t at = 0, length = 0, asked = 0, out = 0;
    bool doomed = false, failed = false, status_rides = false, refused = false;
    hal::ProtectionTransfer protection;
    std::vector<hal::DmaSpan> information;
    std::vector<hal::DmaSpan> segments[hal::fc::FcQueue::kMaxData];
    std::uint32_t next_segments = 0;
  };
  struct Session {
    bool known = false, ended = false;
    std::uint32_t exchanges = 0;
  };
  void act(Slot& slot);
  void move(Slot& slot);
  void move_protected(Slot& slot);
  void respond(Slot& slot);
  void doom(Slot& slot);
  void drop(Slot& slot);
  void freed(Slot& slot);
  void ended_one(hal::fc::LoginId login);

  hal::fc::FcQueue& queue_of(const hal::fc::Exchange& exchange) const {
    return *queues_[hal::fc::FcPort::queue_of(exchange.login, queues_.size())];
  }
  Slot& slot_of(const hal::fc::Exchange& exchange) {
    return slots_.at(hal::fc::FcPort::queue_of(exchange.login, queues_.size()) * exchanges_ + exchange.index);
  }

  hal::fc::FcPort& port_;
  const std::vector<hal::fc::FcQueue*> queues_;  // of which this is the user, all in one thread
  const std::size_t exchanges_;                  // of each
  base::SeededRandom random_;
  hal::MemoryRegion memory_;
  std::vector<Slot> slots_;
  std::vector<Session> sessions_;
  std::uint32_t used_ = 0;
};

}  // namespace model_test
