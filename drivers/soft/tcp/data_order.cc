// Write data that may come in any order: the PDUs of a sequence with DataPDUInOrder=No, sequences with
// DataSequenceInOrder=No (RFC 7143 13.18, 13.19). No byte of a sequence may come twice.
//
// As long as data comes in order, data_out.cc places it as ever. From the first PDU on that does not, the task is
// disordered: `arrived` stands still until all its open sequences are through. Unsolicited data waits in the stash
// meanwhile, as the core may ask for part of it at any time; what an R2T has asked for has its place in the segments.
#include <algorithm>

#include "base/check.h"
#include "drivers/soft/tcp/data_out.h"

namespace soft::tcp {

using hal::DataStatus;
using hal::DataTask;

// Takes a PDU of a disordered task, or one that makes it so. False: it is wrong in any order.
bool DataOut::out_of_order(DataTask& task, const hal::iscsi::DataOut& header, bool unsolicited) {
  if (keys_.data_pdu_in_order && (unsolicited || keys_.data_sequence_in_order)) return false;
  if (keys_.data_sequence_in_order && !unsolicited && sequence_ != 0) return false;
  const DataTask::OutstandingR2t& r2t = task.r2ts[sequence_];
  const std::uint32_t begin = unsolicited ? task.arrived : r2t.begin;
  const std::uint32_t end = unsolicited ? unsolicited_end(task) : r2t.end;
  if (begin > end || header.data_sn != (unsolicited ? task.unsolicited_data_sn : r2t.data_sn)) return false;
  task.disordered = true;
  Pieces& pieces =
      pieces_.try_emplace({task.index, header.target_transfer_tag}, begin, end, std::clamp(task.arrived, begin, end))
          .first->second;
  if (keys_.data_pdu_in_order && header.buffer_offset != pieces.in_order()) return false;
  if (!pieces.add(header.buffer_offset, header.data_segment_length)) return false;
  cursor_ = header.buffer_offset;
  return hal::iscsi::Final::get(header.flags) == pieces.complete();
}

std::span<std::byte> DataOut::place_out_of_order(DataTask& task, std::uint32_t left) {
  if (task.unsolicited_follows) return in_stash(task, cursor_, left);
  CHECK(task.get_pending && !task.get_answered && cursor_ >= task.get_offset && cursor_ < task.get_end);
  return in_segments(task, cursor_, left);
}

// All that was open is through.
void DataOut::order_restored(DataTask& task, bool unsolicited) {
  forget_pieces(task);
  task.disordered = false;
  if (task.failed || task.discarding) return;
  task.arrived = unsolicited ? unsolicited_end(task) : task.requested;
  if (!task.get_pending || task.get_answered) return;
  if (unsolicited) copy_early(task);
  if (task.arrived >= task.get_end) answer_get(task, DataStatus::kDone);
}

void DataOut::forget_pieces(const DataTask& task) {
  pieces_.erase(pieces_.lower_bound({task.index, 0}), pieces_.upper_bound({task.index, ~std::uint32_t{0}}));
}

}  // namespace soft::tcp
