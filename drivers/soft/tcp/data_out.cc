// Placement of write data.
#include "drivers/soft/tcp/data_out.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "drivers/soft/tcp/segments.h"

namespace soft::tcp {

using hal::DataStatus;
using hal::DataTask;
using hal::iscsi::kReservedTag;
using hal::iscsi::RejectReason;

// More data may come for it, or has come that nobody fetched.
void DataOut::end_early(DataTask& task) {
  for (std::uint8_t i = 0; i < task.r2t_count; ++i) remember_dead(task.r2ts[i].target_transfer_tag);
  if (task.unsolicited_follows) remember_dead(task.initiator_task_tag);
  if (task.stash != nullptr) free_stash(task);
  if (task.disordered) forget_pieces(task);
}

void DataOut::get(DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset, std::uint32_t length) {
  CHECK(task.active && !task.get_pending && length != 0 && length <= task.expected_length &&
        offset <= task.expected_length - length);
  task.get_pending = true;
  task.segments = segments;
  task.get_offset = offset;
  task.get_end = offset + length;
  if (task.failed || task.discarding) {
    task.arrived = std::min(task.arrived, offset);  // early data is not put in its place any more
    answer_get(task, task.failed ? DataStatus::kFailed : DataStatus::kTerminated);
    return;
  }
  CHECK(offset <= task.arrived);  // fetched without gaps
  copy_early(task);
  if (task.arrived >= task.get_end) {
    answer_get(task, DataStatus::kDone);
  } else {
    request_more(task);
  }
}

// Copies what has already come of [get_offset, get_end) into the segments.
void DataOut::copy_early(DataTask& task) {
  const std::uint32_t end = std::min(task.arrived, task.get_end);
  const std::byte* from = task.immediate.empty() ? task.stash : task.immediate.data();
  const std::uint32_t at = std::max(task.get_offset, task.stash_offset);  // what is before is in its place
  if (at >= end || from == nullptr) return;
  from += at - task.stash_offset;
  for_each_part(task.segments, at - task.get_offset, end - at, [&from](std::span<std::byte> part) {
    std::memcpy(part.data(), from, part.size());
    from += part.size();
  });
  if (end == task.arrived && !task.disordered) {  // all of it is in its place
    task.immediate = {};
    if (task.stash != nullptr) free_stash(task);
    task.stash_offset = end;
  }
}

void DataOut::keep(DataTask& task) {
  if (task.immediate.empty()) return;
  const auto bytes = std::exchange(task.immediate, {});
  grow_stash(task);
  std::memcpy(task.stash, bytes.data(), bytes.size());
}

void DataOut::grow_stash(DataTask& task) {
  // Early data is unsolicited data, so FirstBurstLength bounds it (immediate data was checked against it, too).
  const std::uint32_t end = std::min(task.expected_length, std::max(keys_.first_burst_length, task.arrived));
  task.stash_size = end - task.stash_offset;
  hal::DmaSpan span;
  if (task.stash_size <= hal::DmaPool::kLargest) span = memory_.take(task.stash_size);
  task.stash_from_pool = !span.bytes.empty();
  task.stash = task.stash_from_pool ? span.bytes.data() : new std::byte[task.stash_size];
}

void DataOut::free_stash(DataTask& task) {
  if (task.stash_from_pool) {
    memory_.give(task.stash);
  } else {
    delete[] task.stash;
  }
  task.stash = nullptr;
}

void DataOut::terminate(DataTask& task) {
  task.discarding = true;
  if (task.get_pending && !task.get_answered) answer_get(task, DataStatus::kTerminated);
}

void DataOut::answer_get(DataTask& task, DataStatus status) {
  task.get_answered = true;
  task.get_status = status;
  owe(task);
}

void DataOut::request_more(DataTask& task) {
  if (task.unsolicited_follows) return;  // what comes unasked comes first
  task.requested = std::max(task.requested, task.arrived);
  while (task.requested < task.get_end && task.r2t_count < keys_.max_outstanding_r2t &&
         task.r2t_count < DataTask::kMaxR2t) {
    request(task, task.requested, task.requested + std::min(task.get_end - task.requested, keys_.max_burst_length));
  }
}

void DataOut::request(DataTask& task, std::uint32_t begin, std::uint32_t end) {
  DataTask::OutstandingR2t& r2t = task.r2ts[task.r2t_count++];
  r2t.target_transfer_tag = (std::uint32_t{task.index} << 16) | task.next_tag++;
  r2t.begin = begin;
  r2t.end = end;
  r2t.data_sn = 0;
  send_r2t(task, r2t, task.r2t_sn++);
  task.requested = end;
}

void DataOut::send_r2t(const DataTask& task, const DataTask::OutstandingR2t& r2t, std::uint32_t r2t_sn) {
  hal::iscsi::R2t pdu;
  pdu.lun = task.lun;
  pdu.initiator_task_tag = task.initiator_task_tag;
  pdu.target_transfer_tag = r2t.target_transfer_tag;
  pdu.stat_sn = *counters_.stat_sn;
  pdu.exp_cmd_sn = *counters_.exp_cmd_sn;
  pdu.max_cmd_sn = *counters_.max_cmd_sn;
  pdu.r2t_sn = r2t_sn;
  pdu.buffer_offset = r2t.begin;
  pdu.desired_data_transfer_length = r2t.end - r2t.begin;
  sender_.queue_control(reinterpret_cast<const hal::iscsi::BasicHeader&>(pdu), {});
}

DataTask* DataOut::find(const hal::iscsi::DataOut& header) {
  const std::uint32_t ttt = header.target_transfer_tag;
  if (ttt != kReservedTag) {
    const std::size_t index = ttt >> 16;
    DataTask* const task = index < tasks_.size() ? tasks_[index] : nullptr;
    if (task == nullptr || task->initiator_task_tag != header.initiator_task_tag) return nullptr;
    for (std::uint8_t i = 0; i < task->r2t_count; ++i) {
      if (task->r2ts[i].target_transfer_tag != ttt) continue;
      sequence_ = i;
      return task;
    }
    return nullptr;
  }
  sequence_ = 0;
  const std::uint32_t itt = header.initiator_task_tag;
  const auto at = std::find_if(tasks_.begin(), tasks_.end(), [itt](const DataTask* task) {
    return task != nullptr && task->initiator_task_tag == itt && task->unsolicited_follows;
  });
  return at == tasks_.end() ? nullptr : *at;
}

std::uint32_t DataOut::unsolicited_end(const DataTask& task) const {
  return std::min(task.expected_length, keys_.first_burst_length);
}

bool DataOut::in_order(DataTask& task, const hal::iscsi::DataOut& header, bool unsolicited) const {
  const std::uint32_t size = header.data_segment_length;
  if (header.buffer_offset != task.arrived) return false;
  const bool final = hal::iscsi::Final::get(header.flags);
  if (unsolicited) {
    const std::uint32_t limit = unsolicited_end(task);
    // The burst is as long as it may be or the initiator has sent an incorrect amount of data (RFC 7143 11.4.7.2).
    return header.data_sn == task.unsolicited_data_sn && task.arrived <= limit && size <= limit - task.arrived &&
           (!final || size == limit - task.arrived);
  }
  const DataTask::OutstandingR2t& r2t = task.r2ts[0];
  return r2t.target_transfer_tag == header.target_transfer_tag && header.data_sn == r2t.data_sn &&
         size <= r2t.end - task.arrived && final == (size == r2t.end - task.arrived);
}

DataTask* DataOut::admit(const hal::iscsi::DataOut& header) {
  const bool unsolicited = header.target_transfer_tag == kReservedTag;
  DataTask* const task = find(header);
  if (task == nullptr) {
    const std::uint32_t tag = unsolicited ? header.initiator_task_tag : header.target_transfer_tag;
    if (std::find(dead_.begin(), dead_.end(), tag) != dead_.end()) return nullptr;
    events_->data_out_rejected(nullptr, RejectReason::kInvalidPduField,
                               reinterpret_cast<const hal::iscsi::BasicHeader&>(header));
    return nullptr;
  }
  task->silence = 0;
  if (!task->failed && !task->discarding && !task->recovering &&
      (task->disordered || !in_order(*task, header, unsolicited)) && !out_of_order(*task, header, unsolicited)) {
    if (recovers() && lost_before(*task, header, unsolicited)) {
      task->recovering = true;
    } else {
      refuse(*task, RejectReason::kInvalidPduField, header);
    }
  }
  if (task->failed || task->discarding || task->recovering) {
    if (hal::iscsi::Final::get(header.flags)) sequence_ended(*task, unsolicited);
    return nullptr;
  }
  task->recoveries = 0;
  ++(unsolicited ? task->unsolicited_data_sn : task->r2ts[sequence_].data_sn);
  return task;
}

void DataOut::refuse(DataTask& task, RejectReason reason, const hal::iscsi::DataOut& header) {
  task.failed = true;
  events_->data_out_rejected(&task, reason, reinterpret_cast<const hal::iscsi::BasicHeader&>(header));
  if (task.get_pending && !task.get_answered) answer_get(task, DataStatus::kFailed);
}

// Contiguous memory for the next byte of the Data-Out at hand and those behind it.
std::span<std::byte> DataOut::place(DataTask& task, std::uint32_t left) {
  if (task.failed || task.discarding || !task.active) return {};
  if (task.disordered) [[unlikely]]
    return place_out_of_order(task, left);
  if (task.get_pending && !task.get_answered && task.arrived >= task.get_offset && task.arrived < task.get_end) {
    return in_segments(task, task.arrived, left);
  }
  return in_stash(task, task.arrived, left);
}

// `at` is in [get_offset, get_end).
std::span<std::byte> DataOut::in_segments(const DataTask& task, std::uint32_t at, std::uint32_t left) {
  std::uint32_t offset = at - task.get_offset;
  for (const hal::DmaSpan& segment : task.segments) {
    if (offset < segment.bytes.size()) {
      const std::size_t room = std::min<std::size_t>(segment.bytes.size() - offset, task.get_end - at);
      return segment.bytes.subspan(offset, std::min<std::size_t>(room, left));
    }
    offset -= static_cast<std::uint32_t>(segment.bytes.size());
  }
  CHECK(false);  // the segments hold what was asked for
}

std::span<std::byte> DataOut::in_stash(DataTask& task, std::uint32_t at, std::uint32_t left) {
  if (task.stash == nullptr) {
    task.stash_offset = task.arrived;
    grow_stash(task);
  }
  const std::uint32_t used = at - task.stash_offset;
  return {task.stash + used, std::min(left, task.stash_size - used)};
}

void DataOut::arrived(DataTask& task, std::uint32_t size) {
  if (task.failed || task.discarding || !task.active) return;
  if (task.disordered) [[unlikely]] {
    cursor_ += size;
    return;
  }
  task.arrived += size;
  task.silence = 0;
  if (task.get_pending && !task.get_answered && task.arrived >= task.get_end) answer_get(task, DataStatus::kDone);
}

void DataOut::pop_sequence(DataTask& task, bool unsolicited) {
  if (unsolicited) {
    task.unsolicited_follows = false;
  } else if (sequence_ < task.r2t_count) {
    if (task.disordered) pieces_.erase({task.index, task.r2ts[sequence_].target_transfer_tag});
    std::copy(task.r2ts.begin() + sequence_ + 1, task.r2ts.begin() + task.r2t_count, task.r2ts.begin() + sequence_);
    --task.r2t_count;
  }
}

// The F bit: the unsolicited burst or an R2T is through.
void DataOut::sequence_ended(DataTask& task, bool unsolicited) {
  if (task.recovering) [[unlikely]]
    return recover(task, unsolicited);
  pop_sequence(task, unsolicited);
  if (task.disordered && drained(task)) [[unlikely]]
    order_restored(task, unsolicited);
  if (task.get_pending && !task.get_answered) {
    request_more(task);
  } else if (drained(task)) {
    task.drained_owed = true;
    owe(task);
  }
}

void DataOut::whole_pdu(const hal::ControlPdu& pdu) {
  const auto& header = pdu.as<hal::iscsi::DataOut>();
  const bool unsolicited = header.target_transfer_tag == kReservedTag;
  DataTask* const damaged = pdu.data_digest_error ? find(header) : nullptr;
  if (damaged != nullptr && !damaged->failed && !damaged->discarding) {
    if (recovers()) {
      damaged->recovering = true;
      events_->data_out_rejected(damaged, RejectReason::kDataDigestError,
                                 reinterpret_cast<const hal::iscsi::BasicHeader&>(header));
    } else {
      refuse(*damaged, RejectReason::kDataDigestError, header);
    }
  }
  DataTask* const task = admit(header);
  if (task == nullptr) return;
  store(*task, pdu.data);
  if (hal::iscsi::Final::get(header.flags)) sequence_ended(*task, unsolicited);
}

void DataOut::store(DataTask& task, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = place(task, static_cast<std::uint32_t>(bytes.size()));
    if (part.empty()) return;
    std::memcpy(part.data(), bytes.data(), part.size());
    arrived(task, static_cast<std::uint32_t>(part.size()));
    bytes = bytes.subspan(part.size());
  }
}

bool DataOut::run_answers() {
  if (answers_.empty()) return false;
  while (DataTask* const task = answers_.pop_front()) {
    if (task->puts_answered == 1 && !task->get_answered && !task->drained_owed) {  // a read
      task->puts_answered = 0;
      --task->puts_out;
      events_->data_completion_notify(*task, task->put_status);
      continue;
    }
    // One answer a turn: the event may end the task, or ask for more and so owe again.
    const bool more = (task->get_answered ? 1 : 0) + task->puts_answered + (task->drained_owed ? 1 : 0) > 1;
    if (more) answers_.push_back(*task);
    if (task->get_answered) {
      task->get_answered = task->get_pending = false;
      task->segments = {};
      events_->data_completion_notify(*task, task->get_status);
    } else if (task->puts_answered > 0) {
      --task->puts_answered;
      --task->puts_out;
      events_->data_completion_notify(*task, task->put_status);
    } else if (task->drained_owed) {
      task->drained_owed = false;
      events_->data_out_drained(*task);
    }
  }
  return true;
}

void DataOut::fail_all() {
  for (DataTask* const task : tasks_) {
    if (task == nullptr) continue;
    task->failed = true;
    task->r2t_count = 0;
    if (task->get_pending && !task->get_answered) answer_get(*task, DataStatus::kFailed);
    if (std::exchange(task->unsolicited_follows, false) || !task->get_pending) {
      task->drained_owed = true;
      owe(*task);
    }
  }
}

}  // namespace soft::tcp
