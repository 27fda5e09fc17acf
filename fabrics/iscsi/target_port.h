// A SCSI target port of the core: one target in one portal group, on one reactor (RFC 7143 4.4.3).
#pragma once

#include <cstdint>

#include "fabrics/iscsi/task.h"
#include "hal/reactor.h"
#include "scsi_core/port.h"

namespace iscsi {

class TargetPort final : public scsi::TargetPort {
 public:
  TargetPort(hal::Reactor& reactor, scsi::TargetPortIdentity identity)
      : reactor_(reactor), identity_(std::move(identity)) {}
  const scsi::TargetPortIdentity& identity() const override { return identity_; }
  hal::DmaPool& buffers() override { return reactor_.dma(); }
  void send_data_in(scsi::Command& command, const scsi::Transfer& transfer) override;
  void receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) override;
  void terminate_data_transfer(scsi::Command& command) override;
  void send_command_complete(scsi::Command& command) override;
  void drop_command(scsi::Command& command) override;
  void task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) override;
  void nexus_quiet(scsi::Nexus& nexus) override;
  void end_nexus(scsi::Nexus& nexus) override;
  void logical_units_changed(scsi::Nexus& nexus) override;

  std::uint32_t sessions = 0;  // that use this port

 private:
  hal::Reactor& reactor_;
  scsi::TargetPortIdentity identity_;
};

}  // namespace iscsi
