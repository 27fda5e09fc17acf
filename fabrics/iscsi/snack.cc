// SNACK requests (RFC 7143 11.16). Null from the functions that take one: done; else why it is rejected.
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

using pdu::kReservedTag;
using pdu::RejectReason;
using pdu::SnackRequest;

namespace {

enum SnackType : std::uint8_t { kData = 0, kStatus = 1, kDataAck = 2, kRData = 3 };

std::uint32_t data_pdus_of(const SentStatus& status) {
  return reinterpret_cast<const pdu::ScsiResponse&>(status.header).exp_data_sn;
}

}  // namespace

void Connection::receive_snack(const hal::ControlPdu& pdu) {
  const auto& request = pdu.as<SnackRequest>();
  if (recovery_ == nullptr || nexus_ == nullptr) {  // level 0
    reject(RejectReason::kSnackReject, pdu.header);
    return;
  }
  std::optional<RejectReason> fault;
  const std::uint8_t type = SnackRequest::Type::get(request.flags);
  if (!pdu::Final::get(request.flags) || type > kRData || !pdu.data.empty() || !pdu.ahs.empty()) {
    fault = RejectReason::kInvalidPduField;
  } else if (type == kDataAck) {
    // Looked at before ExpStatSN, which may acknowledge the task's status already.
    fault = take_data_ack(request);
    statuses_acknowledged(request.exp_stat_sn);
  } else {
    statuses_acknowledged(request.exp_stat_sn);
    fault = type == kData     ? take_data_snack(request)
            : type == kStatus ? take_status_snack(request)
                              : take_r_data_snack(request);
  }
  if (fault) reject(*fault, pdu.header);
  if (session_ != nullptr && !session_->ending()) catch_up(request.exp_stat_sn);
}

Task* Connection::own_task(std::uint32_t tag) const {
  Task* const task = session_->tasks.find(tag);
  return task != nullptr && task->connection == this ? task : nullptr;
}

// What was not sent or is acknowledged is a protocol error; what is not kept any more is not to be had.
std::optional<RejectReason> Connection::take_data_snack(const SnackRequest& request) {
  if (request.target_transfer_tag != kReservedTag) return RejectReason::kInvalidPduField;
  const std::uint32_t tag = request.initiator_task_tag;
  Task* const task = own_task(tag);
  if (task != nullptr && task->direction != scsi::DataDirection::kIn) return resend_r2ts(*task, request);
  SentStatus* const status = task == nullptr ? recovery_->find(tag) : nullptr;
  if (task == nullptr && status == nullptr) return RejectReason::kProtocolError;
  const SentData* const sent = task != nullptr ? task->sent.get() : status->read.get();
  const std::uint32_t next = task != nullptr ? task->data_sn : data_pdus_of(*status);
  NumberRun run{};
  if (!find_run(request.beg_run, request.run_length, sent == nullptr ? 0 : sent->acknowledged(), next, run)) {
    return RejectReason::kProtocolError;
  }
  if (sent == nullptr) return std::nullopt;
  if (sent->too_long(run.begin, run.end, parameters_.initiator_max_data)) return RejectReason::kProtocolError;
  if (sent->incomplete()) return RejectReason::kSnackReject;
  resend_data(tag, *sent, run);
  return std::nullopt;
}

std::optional<RejectReason> Connection::resend_r2ts(Task& task, const SnackRequest& request) {
  const std::uint32_t first = task.r2t_sn - task.r2t_count;
  NumberRun run{};
  const bool all = request.beg_run == 0 && request.run_length == 0;
  if (!find_run(request.beg_run, request.run_length, first, task.r2t_sn, run)) return RejectReason::kProtocolError;
  if (!datamover_->resend_r2ts(task, run.begin, run.end) && !all) return RejectReason::kProtocolError;
  return std::nullopt;
}

std::optional<RejectReason> Connection::take_status_snack(const SnackRequest& request) {
  if (request.initiator_task_tag != kReservedTag || request.target_transfer_tag != kReservedTag) {
    return RejectReason::kInvalidPduField;
  }
  NumberRun run{};
  if (!find_run(request.beg_run, request.run_length, recovery_->first(), recovery_->next(), run)) {
    return RejectReason::kProtocolError;
  }
  for (std::uint32_t sn = run.begin; sn != run.end; ++sn) resend_status(recovery_->at(sn));
  return std::nullopt;
}

// The tag that asked for it is the initiator task tag (hal::DatamoverKeys::error_recovery_level).
std::optional<RejectReason> Connection::take_data_ack(const SnackRequest& request) {
  Task* const task = own_task(request.target_transfer_tag);
  SentStatus* const status = task == nullptr ? recovery_->find(request.target_transfer_tag) : nullptr;
  SentData* const sent = task != nullptr ? task->sent.get() : status != nullptr ? status->read.get() : nullptr;
  if (sent == nullptr || request.initiator_task_tag != kReservedTag || request.run_length != 0) {
    return RejectReason::kInvalidDataAck;
  }
  const std::uint32_t next = task != nullptr ? task->data_sn : data_pdus_of(*status);
  if (request.beg_run < sent->acknowledged() || request.beg_run > next) return RejectReason::kInvalidDataAck;
  const std::size_t before = sent->bytes();
  sent->acknowledge(request.beg_run);
  recovery_->give(before - sent->bytes());
  return std::nullopt;
}

// 11.16.3. A tag that is the same again changes nothing.
std::optional<RejectReason> Connection::take_r_data_snack(const SnackRequest& request) {
  const std::uint32_t snack_tag = request.target_transfer_tag, tag = request.initiator_task_tag;
  if (snack_tag == 0 || snack_tag == kReservedTag || request.beg_run != 0 || request.run_length != 0) {
    return RejectReason::kInvalidPduField;
  }
  Task* const task = own_task(tag);
  if (task != nullptr && task->direction == scsi::DataDirection::kIn) {
    if (task->sent == nullptr) {
      keep_data_of(*task);
    }
    if (task->sent->incomplete()) return RejectReason::kSnackReject;
    task->sent->snack_tag = snack_tag;
    task->sent->resend_owed = task->sent->leaving();
    if (!task->sent->leaving()) resend_resegmented(*task);
    return std::nullopt;
  }
  SentStatus* const status = task == nullptr ? recovery_->find(tag) : nullptr;
  if (status == nullptr) return RejectReason::kProtocolError;
  auto& response = reinterpret_cast<pdu::ScsiResponse&>(status->header);
  if (SentData* const sent = status->read.get()) {
    if (sent->incomplete()) return RejectReason::kSnackReject;
    const std::size_t before = sent->bytes();
    response.exp_data_sn = sent->resegment(parameters_.datamover_keys());
    recovery_->give(before - sent->bytes());
    resend_data(tag, *sent, {sent->acknowledged(), response.exp_data_sn});
  }
  response.snack_tag = snack_tag;
  resend_status(*status);
  return std::nullopt;
}

}  // namespace iscsi
