// Data and responses of SCSI commands on their way out, and the answers of the datamover (RFC 7143 11.4, 11.7).
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "fabrics/iscsi/conditions.h"
#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {
namespace {

constexpr std::size_t kMaxSense = 252;

scsi::Delivery delivery_of(hal::DataStatus status) {
  switch (status) {
    case hal::DataStatus::kDone:
      return scsi::Delivery::kDelivered;
    case hal::DataStatus::kTerminated:
      return scsi::Delivery::kTerminated;
    case hal::DataStatus::kFailed:
      break;
  }
  return scsi::Delivery::kFailed;
}

std::uint32_t clamp(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, 0xffffffff));
}

std::uint8_t residual_flags(const scsi::Response& response) {
  static constexpr std::uint8_t kFlags[] = {0, pdu::ScsiResponse::kUnderflow, pdu::ScsiResponse::kOverflow};
  return kFlags[static_cast<std::size_t>(response.residual)];
}

}  // namespace

void Connection::send_data_in(Task& task, const scsi::Transfer& transfer) {
  hal::DataIn data{.segments = transfer.segments,
                   .offset = static_cast<std::uint32_t>(transfer.offset),
                   .length = static_cast<std::uint32_t>(transfer.length)};
  if (transfer.with_status) {
    data.with_status = task.status_in_data = true;
    data.residual_flags = residual_flags(task.response);
    data.residual_count = data.residual_flags == 0 ? 0 : clamp(task.response.residual_count);
    release_slot(task);  // so that the status itself tells of the room it makes
  }
  ++task.transfers_out;
  session_->read_bytes += transfer.length;
  if (__builtin_expect(recovery_ != nullptr, 0)) {
    send_kept_data_in(task, data);
  } else {
    datamover_->put_data(task, data);
  }
}

void Connection::receive_data_out(Task& task, const scsi::Transfer& transfer) {
  ++task.transfers_out;
  session_->write_bytes += transfer.length;
  if (__builtin_expect(recovery_ != nullptr, 0)) {
    task.odd |= Task::kKept;
    task.fetching = transfer;
    task.placing = !suspended_;
    if (suspended_) {
      ++task.held_answers;
      return;
    }
  }
  datamover_->get_data(task, transfer.segments, static_cast<std::uint32_t>(transfer.offset),
                       static_cast<std::uint32_t>(transfer.length));
}

void Connection::data_completion_notify(hal::DataTask& data_task, hal::DataStatus status) {
  Task& task = static_cast<Task&>(data_task);
  CHECK(task.place == TaskPlace::kCore && task.transfers_out > 0);
  if (__builtin_expect(recovery_ != nullptr, 0) && hold_answer(task, status)) return;
  --task.transfers_out;
  const bool ends = task.status_in_data && task.transfers_out == 0 && status == hal::DataStatus::kDone;
  if (status != hal::DataStatus::kDone) task.status_in_data = false;  // no status was sent
  scsi::TaskRouter& router = shard_.router();
  if (task.direction == scsi::DataDirection::kIn) {
    router.data_in_delivered(task, delivery_of(status));
  } else {
    router.data_out_received(task, delivery_of(status));
  }
  if (!ends) return;  // and the task may be gone by now
  if (__builtin_expect(recovery_ != nullptr, 0)) {
    complete(task);
  } else {
    finish(task);
  }
}

void Connection::complete(Task& task) {
  if (phase_ != Phase::kFullFeature) {  // nobody to tell, or not now
    if (suspended_ && !session_->ending()) {
      task.place = TaskPlace::kDraining;
    } else {
      finish(task);
    }
    return;
  }
  // Too much data is an error also where the core had no use for it.
  if (task.transfer_failure != scsi::SenseCode{} && task.response.status == scsi::Status::kGood) {
    task.response.status = scsi::Status::kCheckCondition;
    task.response.sense_length = encode_condition(task.transfer_failure, task.response.sense);
  }
  if (datamover_->drained(task)) {
    respond(task);
    return;
  }
  task.place = TaskPlace::kDraining;  // RFC 7143 11.4: no response before the last Data-Out that is owed
}

void Connection::data_out_drained(hal::DataTask& data_task) {
  Task& task = static_cast<Task&>(data_task);
  if (task.place == TaskPlace::kDraining && !suspended_) respond(task);
}

void Connection::respond(Task& task) {
  release_slot(task);
  const scsi::Response& result = task.response;
  pdu::ScsiResponse response;
  response.status = static_cast<std::uint8_t>(result.status);
  response.initiator_task_tag = task.initiator_task_tag;
  response.flags = static_cast<std::uint8_t>(response.flags | residual_flags(result));
  if (residual_flags(result) != 0) response.residual_count = clamp(result.residual_count);
  if (task.direction == scsi::DataDirection::kBidirectional && task.bidirectional_read_length != 0) {
    response.flags |= pdu::ScsiResponse::kBidiUnderflow;  // none of the read part was sent
    response.bidi_read_residual_count = task.bidirectional_read_length;
  }
  response.exp_data_sn = task.data_sn;
  std::array<std::byte, 2 + kMaxSense> data;  // SenseLength, then the sense data
  std::size_t size = 0;
  if (result.sense_length != 0) {
    const pdu::be16 length = result.sense_length;
    std::memcpy(data.data(), &length, sizeof length);
    std::memcpy(data.data() + sizeof length, result.sense.data(), result.sense_length);
    size = sizeof length + result.sense_length;
  }
  if (__builtin_expect(recovery_ != nullptr, 0)) {
    send_and_keep(response, std::span(data).first(size), task);
  } else {
    stamp(response);
    datamover_->send(response, std::span(data).first(size));
  }
  finish(task);
}

void Connection::drop(Task& task) {
  if (task.holds_slot) {
    task.holds_slot = false;
    if (session_->window.release() && !session_->ending()) session_->tell_window();
  }
  finish(task);
}

void Connection::release_slot(Task& task) {
  if (!task.holds_slot) return;
  task.holds_slot = false;
  session_->window.release();
}

// The slot is ours again: nothing more is sent for this task.
void Connection::finish(Task& task) {
  if (__builtin_expect(task.odd != 0, 0)) {
    finish_odd(task);
  } else {
    retire(task);
  }
}

inline void Connection::retire(Task& task) {
  release_slot(task);
  datamover_->end_task(task);
  session_->tasks.erase(task);
  task.place = TaskPlace::kFree;
  shard_.tasks().give(task);
}

void Connection::finish_odd(Task& task) {
  const bool orphan = (task.odd & Task::kOrphan) != 0;
  if ((task.odd & Task::kKept) != 0) forget_sent(task);
  if ((task.odd & Task::kImmediate) != 0 && task.place != TaskPlace::kHeld) --session_->immediate_in_hand;
  retire(task);
  if (orphan && --orphans_ == 0) leave_if_quiet();
}

// RFC 7143 7.8: a Data-Out that was wrong is rejected; its task ends with a condition once the initiator is through.
void Connection::data_out_rejected(hal::DataTask* data_task, pdu::RejectReason reason, const pdu::BasicHeader& header) {
  const auto& data_out = reinterpret_cast<const pdu::DataOut&>(header);
  const bool unsolicited = data_out.target_transfer_tag == pdu::kReservedTag;
  if (session_ == nullptr || phase_ != Phase::kFullFeature) return;
  if (data_task == nullptr) {
    const auto end = refused_tags_.begin() + std::min<std::ptrdiff_t>(refused_count_, std::ssize(refused_tags_));
    if (unsolicited && std::find(refused_tags_.begin(), end, data_out.initiator_task_tag) != end) return;
    reject(reason, header);
    return;
  }
  Task& task = static_cast<Task&>(*data_task);
  if (reason == pdu::RejectReason::kDataDigestError) {
    if (recovery_ == nullptr) task.transfer_failure = kProtocolServiceCrcError;  // else the data is asked for again
    reject(reason, header);
    return;
  }
  const std::uint64_t end = std::uint64_t{data_out.buffer_offset} + data_out.data_segment_length;
  const std::uint64_t limit = std::min(task.hal::DataTask::expected_length, session_->parameters.first_burst);
  const bool too_much = unsolicited && end > limit;
  const bool too_little = unsolicited && end < limit && pdu::Final::get(header.flags);
  task.transfer_failure = too_much ? kUnexpectedUnsolicitedData : kIncorrectAmountOfData;
  if (!too_much && !too_little)
    reject(reason, header);  // else the PDU itself is in order, and the response says it all
}

}  // namespace iscsi
