// The core's calls, handed to the connection that the command came by.
#include "fabrics/iscsi/target_port.h"

#include "fabrics/iscsi/connection.h"
#include "scsi_core/nexus.h"

namespace iscsi {
namespace {

Task& task_of(scsi::Command& command) { return static_cast<Task&>(command); }
Session& session_of(scsi::Nexus& nexus) { return *static_cast<Session*>(nexus.port_context); }

}  // namespace

void TargetPort::send_data_in(scsi::Command& command, const scsi::Transfer& transfer) {
  Task& task = task_of(command);
  task.connection->send_data_in(task, transfer);
}

void TargetPort::receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) {
  Task& task = task_of(command);
  task.connection->receive_data_out(task, transfer);
}

void TargetPort::terminate_data_transfer(scsi::Command& command) {
  Task& task = task_of(command);
  task.connection->terminate_data_transfer(task);
}

void TargetPort::send_command_complete(scsi::Command& command) {
  Task& task = task_of(command);
  task.connection->complete(task);
}

void TargetPort::drop_command(scsi::Command& command) {
  Task& task = task_of(command);
  task.connection->drop(task);
}

void TargetPort::task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) {
  auto& request = static_cast<ManagementRequest&>(function);
  session_of(*request.nexus).management_executed(request, answer_of(response));
}

void TargetPort::nexus_quiet(scsi::Nexus& nexus) { session_of(nexus).nexus_quiet(); }

void TargetPort::end_nexus(scsi::Nexus& nexus) { session_of(nexus).end_soon(); }

void TargetPort::logical_units_changed(scsi::Nexus& nexus) { session_of(nexus).logical_units_changed(); }

}  // namespace iscsi
