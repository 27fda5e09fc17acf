// A SCSI core that does what a test tells it: records commands, task management and nexuses, answers when asked to.
#pragma once

#include <memory>
#include <vector>

#include "hal/reactor.h"
#include "scsi_core/command.h"
#include "scsi_core/handover.h"
#include "scsi_core/nexus.h"
#include "scsi_core/port.h"

namespace iscsi {

class FakeRouter final : public scsi::TaskRouter {
 public:
  explicit FakeRouter(hal::Reactor& reactor) : reactor_(reactor) {}
  ~FakeRouter() override;

  // --- the test's side ---
  std::vector<scsi::Command*> commands;          // with the core, in the order of arrival
  std::vector<scsi::TaskManagement*> functions;  // likewise
  std::vector<std::unique_ptr<scsi::Nexus>> nexuses;
  std::vector<std::string> lost;  // initiator port names, in the order they were lost
  std::vector<std::pair<scsi::Command*, scsi::Delivery>> delivered;  // answers to transfers
  bool hold_quiet = false;                                           // nexus_quiet waits until this is false again
  scsi::Command& command(std::uint64_t tag);
  // Ends of a command. Data is taken from one buffer of the test's.
  void complete(scsi::Command& command, scsi::Status status = scsi::Status::kGood);
  void send(scsi::Command& command, std::span<std::byte> data, bool with_status, std::uint64_t offset = 0);
  void receive(scsi::Command& command, std::span<std::byte> into, std::uint64_t offset = 0);
  void drop(scsi::Command& command);
  void answer(scsi::TaskManagement& function, scsi::TmfResponse response);
  void release_quiet();

  // --- scsi::TaskRouter ---
  scsi::Nexus& nexus_established(scsi::TargetPort& port, const scsi::TransportId& initiator, void* context) override;
  void nexus_lost(scsi::Nexus& nexus) override;
  void nexus_handed_over(const scsi::Nexus&, scsi::NexusState& out) override { out = owed; }
  void nexus_taken_over(scsi::Nexus&, const scsi::NexusState& state) override { taken = state; }
  scsi::NexusState owed, taken;  // what is told of every nexus; what was told of the last that was taken over
  void scsi_command_received(scsi::Command& command) override;
  void data_in_delivered(scsi::Command& command, scsi::Delivery delivery) override;
  void data_out_received(scsi::Command& command, scsi::Delivery delivery) override;
  void task_management_request_received(scsi::TaskManagement& function) override;

 private:
  struct Transfer {
    scsi::Command* command;
    std::unique_ptr<hal::DmaSpan> segment;
    bool with_status;
  };
  struct Quiet final : hal::Deferred {
    explicit Quiet(FakeRouter& owner) : hal::Deferred(&Quiet::run), router(owner) {}
    static void run(hal::Deferred& deferred) { static_cast<Quiet&>(deferred).router.try_quiet(); }
    FakeRouter& router;
  };
  void forget(scsi::Command& command);
  void try_quiet();
  void answered(scsi::Command& command, scsi::Delivery delivery);
  bool busy(const scsi::Command& command) const;

  hal::Reactor& reactor_;
  std::vector<Transfer> transfers_;
  std::vector<scsi::Nexus*> ending_;
  Quiet quiet_{*this};
};

}  // namespace iscsi
