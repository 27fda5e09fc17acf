// Task management requests of a connection (RFC 7143 11.5, 11.6; RFC 7144).
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

using pdu::RejectReason;
using pdu::TaskManagementRequest;

void Connection::receive_task_management(const hal::ControlPdu& pdu) {
  const auto& header = pdu.as<TaskManagementRequest>();
  const bool immediate = pdu::Immediate::get(header.opcode);
  if (!pdu::Final::get(header.flags) || !pdu.data.empty() || !pdu.ahs.empty() ||
      header.initiator_task_tag == pdu::kReservedTag) {
    reject(RejectReason::kInvalidPduField, pdu.header);
    return;
  }
  if (tasks_.find(header.initiator_task_tag) != nullptr) {
    reject(RejectReason::kTaskInProgress, pdu.header);
    return;
  }
  if (immediate && session_->immediate_in_hand >= Session::kMaxImmediate) {
    reject(RejectReason::kTooManyImmediateCommands, pdu.header);
    return;
  }
  const auto function = static_cast<ManagementFunction>(TaskManagementRequest::Function::get(header.flags));
  scsi::TaskFunction core{};
  if (!core_function(function, core)) {
    consume(pdu);
    send_management_response(header.initiator_task_tag, function == ManagementFunction::kTaskReassign
                                                            ? ManagementAnswer::kReassignmentNotSupported
                                                            : ManagementAnswer::kNotSupported);
    return;
  }
  auto& request = *new ManagementRequest;  // not on the path of reads and writes; bounded by the window
  request.connection = this;
  request.nexus = nexus_;
  request.function = core;
  request.lun.bytes = header.lun;
  request.tag = header.referenced_task_tag;
  request.wire_function = function;
  request.initiator_task_tag = header.initiator_task_tag;
  request.cmd_sn = header.cmd_sn;
  request.referenced_cmd_sn = header.ref_cmd_sn;
  request.immediate = immediate;
  session_->management.push_back(request);
  if (immediate) {
    ++session_->immediate_in_hand;
  } else {
    session_->window.receive();
  }
  // Commands that were sent before it must have come first.
  request.waiting =
      affects_task_sets(function) && immediate && pdu::serial_less(session_->window.expected(), header.cmd_sn);
  if (!request.waiting) execute(request);
}

void Connection::run_waiting_management() {
  if (session_->management.empty()) return;
  ManagementRequest* ready;
  do {
    ready = session_->management.find_if([this](const ManagementRequest& request) {
      return request.waiting && !pdu::serial_less(session_->window.expected(), request.cmd_sn);
    });
    if (ready != nullptr) {
      ready->waiting = false;
      execute(*ready);
    }
  } while (ready != nullptr);
}

void Connection::execute(ManagementRequest& request) {
  if (request.wire_function == ManagementFunction::kAbortTask && abort_task(request)) return;
  request.last_task = session_->commands;
  shard_.router().task_management_request_received(request);
}

// ABORT TASK for a task that the core does not have. True: it is answered.
bool Connection::abort_task(ManagementRequest& request) {
  const auto tag = static_cast<std::uint32_t>(request.tag);
  if (Task* const task = tasks_.find(tag)) {
    if (task->place == TaskPlace::kCore) return false;
    if (task->place == TaskPlace::kHeld) session_->held.forget(*task);
    drop(*task);
    management_executed(request, ManagementAnswer::kFunctionComplete);
    return true;
  }
  // RFC 7143 11.6.1 b, c: not arrived yet counts as arrived from now on; else there is no such task.
  const std::uint32_t number = request.referenced_cmd_sn;
  const auto place = session_->window.place(number);
  if (place == CommandWindow::Place::kOutside || !pdu::serial_less(number, request.cmd_sn) ||
      session_->held.has(number)) {
    management_executed(request, ManagementAnswer::kTaskDoesNotExist);
    return true;
  }
  session_->held.add({.cmd_sn = number, .task = nullptr, .pdu = nullptr});
  run_held();
  management_executed(request, ManagementAnswer::kFunctionComplete);
  return true;
}

// What the core no longer has of the tasks that a function has ended; those that came after it are not affected.
void Connection::abort_own_tasks(const ManagementRequest& request) {
  const bool all = affects_all_units(request.wire_function);
  tasks_.for_each([&](Task& task) {
    if (task.place != TaskPlace::kDraining || task.number > request.last_task) return;
    if (all || task.scsi::Command::lun == request.lun) drop(task);
  });
}

void Connection::management_executed(ManagementRequest& request, ManagementAnswer answer) {
  const std::uint32_t tag = request.initiator_task_tag;
  if (answer == ManagementAnswer::kFunctionComplete && affects_task_sets(request.wire_function)) {
    abort_own_tasks(request);
  }
  const bool cold = request.wire_function == ManagementFunction::kTargetColdReset;
  shard_.note(PortEvent::kManagement, datamover_->peer_address(),
              static_cast<std::uint64_t>(request.wire_function) << 8 | static_cast<std::uint64_t>(answer));
  if (request.immediate) {
    --session_->immediate_in_hand;
  } else {
    session_->window.release();
  }
  static_cast<base::ListHook<ManagementRequest>&>(request).unlink();
  delete &request;
  if (phase_ != Phase::kFullFeature) return;
  send_management_response(tag, answer);
  if (cold && answer == ManagementAnswer::kFunctionComplete) {
    // RFC 7143 11.5.1: every session of the target ends. Nothing comes in here after the answer: what did would be
    // served in a nexus that is about to go.
    close(kLinger);
    session_->end_soon();
    shard_.control().target_cold_reset(session_->identity.target);
  }
}

void Connection::send_management_response(std::uint32_t initiator_task_tag, ManagementAnswer answer) {
  pdu::TaskManagementResponse response;
  response.response = static_cast<std::uint8_t>(answer);
  response.initiator_task_tag = initiator_task_tag;
  stamp(response);
  datamover_->send(response);
}

}  // namespace iscsi
