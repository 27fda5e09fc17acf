// An initiator and its target port on one reactor's thread: sends commands of all kinds from a seed, answers what the
// core asks for, and now and then aborts, resets, or logs out and in again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "hal/reactor.h"
#include "scsi_core/command.h"
#include "scsi_core/port.h"

namespace port_contract {

// What all drivers did together.
struct Totals {
  std::atomic<std::uint64_t> good{0}, ended{0}, increments{0}, functions{0}, logins{0};
};

class Driver final : public scsi::TargetPort, public hal::Poller {
 public:
  // Sends `commands` commands, then logs out for good. `disruptive`: with task management functions and logouts.
  Driver(hal::Reactor& reactor, scsi::TaskRouter& router, std::uint64_t seed, std::uint64_t commands, bool disruptive,
         Totals& totals);
  ~Driver() override;
  void start();  // on the reactor
  bool finished() const { return finished_.load(std::memory_order_acquire); }

  const scsi::TargetPortIdentity& identity() const override { return identity_; }
  hal::DmaPool& buffers() override { return reactor_.dma(); }
  void send_data_in(scsi::Command& command, const scsi::Transfer& transfer) override;
  void receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) override;
  void terminate_data_transfer(scsi::Command& command) override;
  void send_command_complete(scsi::Command& command) override;
  void drop_command(scsi::Command& command) override;
  void task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) override;
  void nexus_quiet(scsi::Nexus& nexus) override;
  void end_nexus(scsi::Nexus&) override {}
  bool poll() override;

 private:
  static constexpr std::size_t kSlots = 16;
  static constexpr std::uint32_t kBlock = 512;
  struct Slot : scsi::Command {
    enum class Kind : std::uint8_t { kOther, kReadCounter, kIncrement };
    bool busy = false, terminated = false, out = false, in = false;
    Kind kind = Kind::kOther;
    scsi::Transfer transfer;
    std::array<std::byte, std::size_t{2} * kBlock> data{};
  };
  void log_in();
  void send(Slot& slot);
  void fill(Slot& slot);
  void answer(Slot& slot);
  void manage();
  void freed(Slot& slot, bool good);

  hal::Reactor& reactor_;
  scsi::TaskRouter& router_;
  scsi::TargetPortIdentity identity_;
  base::SeededRandom random_;
  const bool disruptive_;
  std::uint64_t left_;
  Totals& totals_;
  scsi::Nexus* nexus_ = nullptr;
  bool leaving_ = false;
  bool function_out_ = false;
  scsi::TaskManagement function_;
  std::uint64_t counter_seen_ = 0;  // block 0's first eight bytes, as last read
  std::uint64_t next_tag_ = 1;
  std::array<Slot, kSlots> slots_;
  std::atomic<bool> finished_{false};
};

}  // namespace port_contract
