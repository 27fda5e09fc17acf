// What is sent is kept, and sent again: responses and Data-In from error recovery level 1 on (RFC 7143 7.1.4, 11.16).
//
// Where the standard leaves a choice: status never rides on Data-In here, so that an R-Data SNACK can have its own
// response; DataACK is asked for at MaxBurstLength and not for the last data, which the status acknowledges.
#include <utility>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

void Connection::send_kept_data_in(Task& task, hal::DataIn data) {
  data.ends_data = data.with_status || data.offset + data.length >= task.scsi::Command::expected_length;
  data.with_status = false;  // complete() follows the answer
  data.residual_flags = 0;
  data.residual_count = 0;
  if (task.sent == nullptr) keep_data_of(task);
  SentData& sent = *task.sent;
  if (!sent.incomplete() && recovery_->make_room(data.length)) {
    const auto copy = sent.add(data, task.data_sn, parameters_.datamover_keys());
    if (!copy.empty()) {
      data.segments = copy;
      recovery_->take(data.length);
    }
  } else {
    sent.cannot_keep();
  }
  if (!suspended_) {
    datamover_->put_data(task, data);
    return;
  }
  ++task.held_answers;
  if (sent.incomplete()) {
    answer_held(task, scsi::Delivery::kFailed);
  } else {
    task.data_sn += sent.newest_count();
    sent.delivered();
  }
}

void Connection::keep_data_of(Task& task) {
  task.sent = std::make_unique<SentData>();
  task.sent->lun = task.hal::DataTask::lun;
  task.odd |= Task::kKept;
}

void Connection::delivered(Task& task) {
  task.sent->delivered();
  if (task.sent->resend_owed && !task.sent->leaving() && phase_ == Phase::kFullFeature) resend_resegmented(task);
}

void Connection::forget_sent(Task& task) {
  task.fetched = 0;
  task.held_answers = 0;
  if (task.sent == nullptr) return;
  recovery_->give(task.sent->bytes());
  task.sent.reset();
}

void Connection::send_and_keep(pdu::ScsiResponse& response, std::span<const std::byte> data, Task& task) {
  if (task.sent != nullptr) response.snack_tag = task.sent->snack_tag;
  stamp(response);
  datamover_->send(response, data);
  keep(reinterpret_cast<const pdu::BasicHeader&>(response), data, std::move(task.sent));
}

void Connection::keep(const pdu::BasicHeader& header, std::span<const std::byte> data, std::unique_ptr<SentData> read) {
  recovery_->keep(header, data, std::move(read));
  if (!recovery_->many() || phase_ != Phase::kFullFeature) return;
  if (recovery_->too_many()) {
    timer_.arm(shard_.reactor().timers(), shard_.reactor().now());  // ends the connection, but not from here
  } else if (ping_tag_ == pdu::kReservedTag) {
    send_ping();  // its answer acknowledges
    keepalive();
  }
}

void Connection::statuses_acknowledged(std::uint32_t exp_stat_sn) { recovery_->acknowledge(exp_stat_sn); }

// RFC 7143 11.16: replicas, but for the window.
void Connection::resend_data(std::uint32_t tag, const SentData& sent, NumberRun run) {
  pdu::DataIn common;
  common.initiator_task_tag = tag;
  common.lun = sent.lun;
  common.exp_cmd_sn = session_->window.expected();
  common.max_cmd_sn = session_->window.maximum();
  sent.for_each(run.begin, run.end, common,
                [this](const pdu::DataIn& header, std::span<const std::byte> data) { datamover_->send(header, data); });
}

void Connection::resend_status(SentStatus& status) {
  auto& numbers = reinterpret_cast<pdu::ScsiResponse&>(status.header);  // at the same place in all of them
  numbers.exp_cmd_sn = session_->window.expected();
  numbers.max_cmd_sn = session_->window.maximum();
  datamover_->send(status.header, status.data);
}

void Connection::resend_resegmented(Task& task) {
  SentData& sent = *task.sent;
  sent.resend_owed = false;
  const std::size_t before = sent.bytes();
  task.data_sn = sent.resegment(parameters_.datamover_keys());
  recovery_->give(before - sent.bytes());
  resend_data(task.initiator_task_tag, sent, {sent.acknowledged(), task.data_sn});
}

}  // namespace iscsi
