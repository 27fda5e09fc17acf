// Task management requests and responses of a connection (RFC 7143 11.5, 11.6; RFC 7144).
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
  if (session_->tasks.find(header.initiator_task_tag) != nullptr) {
    reject(RejectReason::kTaskInProgress, pdu.header);
    return;
  }
  if (immediate && session_->immediate_in_hand >= Session::kMaxImmediate) {
    reject(RejectReason::kTooManyImmediateCommands, pdu.header);
    return;
  }
  const auto function = static_cast<ManagementFunction>(TaskManagementRequest::Function::get(header.flags));
  if (function == ManagementFunction::kTaskReassign && session_->parameters.error_recovery_level == 2) {
    receive_reassign(pdu);
    return;
  }
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
  if (!request.waiting) session_->execute(request);
}

void Connection::send_management_response(std::uint32_t initiator_task_tag, ManagementAnswer answer) {
  pdu::TaskManagementResponse response;
  response.response = static_cast<std::uint8_t>(answer);
  response.initiator_task_tag = initiator_task_tag;
  send_numbered(response);
}

void Connection::management_answered(const ManagementRequest& request, ManagementAnswer answer) {
  shard_.note(PortEvent::kManagement, datamover_->peer_address(),
              static_cast<std::uint64_t>(request.wire_function) << 8 | static_cast<std::uint64_t>(answer));
  if (phase_ != Phase::kFullFeature) return;
  send_management_response(request.initiator_task_tag, answer);
  session_->let_idle_go();
  if (request.wire_function == ManagementFunction::kTargetColdReset && answer == ManagementAnswer::kFunctionComplete) {
    // RFC 7143 11.5.1: every session of the target ends. Nothing comes in here after the answer: what did would be
    // served in a nexus that is about to go.
    close(kLinger);
    session_->end_soon();
    shard_.control().target_cold_reset(session_->identity.target);
  }
}

}  // namespace iscsi
