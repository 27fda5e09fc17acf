// One queue of a port and all that lives on its reactor: sessions, exchanges, the target port as the SCSI core sees it.
//
// Own thread only, but for the constructor and the destructor. Commands: lane_command.cc, answers: lane_response.cc,
// task management and ABTS: lane_management.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log_budget.h"
#include "fabrics/fcp/events.h"
#include "fabrics/fcp/service.h"
#include "fabrics/fcp/session.h"

namespace fcp {

// The port's control part as its lanes see it. Any thread; nothing is answered from inside.
class LaneHost {
 public:
  virtual ~LaneHost() = default;
  virtual void session_ready(hal::fc::LoginId login) = 0;
  virtual void session_gone(hal::fc::LoginId login) = 0;
  virtual void session_unwanted(hal::fc::LoginId login) = 0;  // the core asks for its end
  virtual void logical_units_changed() = 0;                   // of some session
};

class Lane final : public hal::fc::FcQueueUser, public scsi::TargetPort {
 public:
  Lane(hal::fc::FcQueue& queue, scsi::TaskRouter& router, LaneHost& host, std::string name);
  ~Lane() override;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // --- from the control part, by message ---
  void set_identity(scsi::TargetPortIdentity identity);  // not while there are sessions
  void establish(Session session);                       // -> session_ready
  void lose(hal::fc::LoginId login);                     // -> session_gone
  std::vector<SessionInfo> sessions() const;
  FabricCounters counters() const { return counters_; }
  std::vector<EventInfo> events() const;  // oldest first
  hal::Reactor& reactor() { return queue_.reactor(); }

  // --- FcQueueUser ---
  void command_received(hal::fc::Exchange& exchange) override;
  void data_done(hal::fc::Exchange& exchange, hal::fc::DataStatus status) override;
  void abort_received(hal::fc::Exchange& exchange) override;
  void exchange_ended(hal::fc::Exchange& exchange) override;

  // --- TargetPort ---
  const scsi::TargetPortIdentity& identity() const override { return identity_; }
  hal::DmaPool& buffers() override { return reactor_.dma(); }
  bool offloads_protection() const override { return queue_.offloads_protection(); }
  void send_data_in(scsi::Command& command, const scsi::Transfer& transfer) override;
  void receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) override;
  void terminate_data_transfer(scsi::Command& command) override;
  void send_command_complete(scsi::Command& command) override;
  void drop_command(scsi::Command& command) override;
  void task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) override;
  void nexus_quiet(scsi::Nexus& nexus) override;
  void end_nexus(scsi::Nexus& nexus) override;
  void logical_units_changed(scsi::Nexus&) override { host_.logical_units_changed(); }

 private:
  Session* session_of(hal::fc::LoginId login) {
    return login < sessions_.size() ? sessions_.data()[login].get() : nullptr;
  }
  Slot& slot_of(const hal::fc::Exchange& exchange) { return slots_.get()[exchange.index]; }
  void receive_management(Slot& slot);
  void refuse(Slot& slot, std::uint8_t code);  // FCP_RSP with FCP_RSP_INFO
  void refuse_fields(Slot& slot);
  void drop(Slot& slot);
  void free(Slot& slot);
  void end_if_quiet(Session& session);
  void note(PortEvent event, const Session& session, std::uint64_t detail);

  hal::fc::FcQueue& queue_;
  hal::Reactor& reactor_;
  scsi::TaskRouter& router_;
  LaneHost& host_;
  const std::string name_;
  const std::uint32_t slot_count_;
  std::unique_ptr<Slot[]> slots_;
  std::vector<std::unique_ptr<Session>> sessions_;  // by login
  scsi::TargetPortIdentity identity_;
  FabricCounters counters_;
  PortEvents events_;
  base::LogBudget log_budget_;
};

}  // namespace fcp
