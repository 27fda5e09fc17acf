// Write data that was lost, at error recovery level 1 and above (RFC 7143 7.1.4.2, 7.8, 7.9).
//
// Where the standard leaves a choice: what comes behind a lost PDU of the same sequence is dropped, and once the
// sequence is through (F, or nothing came for a while) one recovery R2T asks for all of it from the first lost byte on.
// So data is always placed in order and there is never more than one R2T outstanding, as DataSequenceInOrder=Yes asks
// (13.17, 13.19); at these levels both keys of order are Yes.
#include <algorithm>

#include "drivers/soft/tcp/data_out.h"

namespace soft::tcp {

using hal::DataTask;
using hal::iscsi::kReservedTag;

namespace {

constexpr std::uint8_t kMostRecoveries = 8;  // in a row that brought nothing
constexpr std::uint8_t kMostSilence = 2;     // watches without data: the first may begin right behind the R2T

}  // namespace

// 7.9: a DataSN, or a place in the buffer, beyond the one whose turn it is. Anything else that is out of order is
// wrong.
bool DataOut::lost_before(const DataTask& task, const hal::iscsi::DataOut& header, bool unsolicited) const {
  const std::uint64_t end = std::uint64_t{header.buffer_offset} + header.data_segment_length;
  if (unsolicited) {
    return header.data_sn > task.unsolicited_data_sn && header.buffer_offset > task.arrived &&
           end <= unsolicited_end(task);
  }
  const DataTask::OutstandingR2t& r2t = task.r2ts[0];
  return r2t.target_transfer_tag == header.target_transfer_tag && header.data_sn > r2t.data_sn &&
         header.buffer_offset > task.arrived && end <= r2t.end;
}

// The sequence with the loss is through. All or part of what it was to bring is asked for with the next R2TSN;
// unsolicited data that the core has not asked for yet is asked for when it does.
void DataOut::recover(DataTask& task, bool unsolicited) {
  task.recovering = false;
  task.silence = 0;
  sequence_ = 0;
  given_up_ = given_up_ || ++task.recoveries > kMostRecoveries;
  const std::uint32_t end = unsolicited ? 0 : task.r2ts[0].end;
  pop_sequence(task, unsolicited);
  if (!task.get_pending || task.get_answered) {
    if (drained(task)) {
      task.drained_owed = true;
      owe(task);
    }
  } else if (unsolicited || end <= task.arrived) {
    request_more(task);
  } else {
    request(task, task.arrived, end);
  }
}

bool DataOut::watch() {
  for (DataTask* const task : tasks_) {
    if (task == nullptr || drained(*task) || ++task->silence < kMostSilence) continue;
    const bool unsolicited = task->unsolicited_follows;
    // What still comes of it is late, not wrong.
    remember_dead(unsolicited ? task->initiator_task_tag : task->r2ts[0].target_transfer_tag);
    task->silence = 0;
    task->recovering = !task->failed && !task->discarding;
    sequence_ = 0;
    sequence_ended(*task, unsolicited);
  }
  return !given_up_;
}

void DataOut::resume(DataTask& task, std::uint32_t arrived) {
  const std::uint32_t data_sn = task.data_sn, r2t_sn = task.r2t_sn;
  task.unsolicited_follows = false;
  begin(task, {});
  task.data_sn = data_sn;
  task.r2t_sn = r2t_sn;
  task.arrived = task.requested = task.stash_offset = arrived;
}

bool DataOut::resend_r2ts(DataTask& task, std::uint32_t first, std::uint32_t last) {
  const std::uint32_t oldest = task.r2t_sn - task.r2t_count;
  if (first < oldest || last > task.r2t_sn || first > last) return false;
  for (std::uint32_t sn = first; sn != last; ++sn) {
    if (task.recovering || task.r2ts[sn - oldest].data_sn != 0) return false;  // data for it has come: it has arrived
  }
  for (std::uint32_t sn = first; sn != last; ++sn) send_r2t(task, task.r2ts[sn - oldest], sn);
  return true;
}

}  // namespace soft::tcp
