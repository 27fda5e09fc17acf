// Keeping of responses.
#include "fabrics/iscsi/recovery.h"

#include <algorithm>
#include <utility>

namespace iscsi {

// The data of a response was counted when it was taken.
void Recovery::count_status(const SentStatus& status, bool kept) {
  const std::size_t bytes = sizeof status + status.data.size();
  if (kept) {
    status_bytes_ += bytes;
    memory_.take(bytes);
  } else {
    status_bytes_ -= bytes;
    memory_.give(bytes);
  }
}

void Recovery::take(std::size_t bytes) {
  bytes_ += bytes;
  memory_.take(bytes);
}

void Recovery::give(std::size_t bytes) {
  bytes_ -= bytes;
  memory_.give(bytes);
}

void Recovery::keep(const pdu::BasicHeader& header, std::span<const std::byte> data, std::unique_ptr<SentData> read) {
  statuses_.push_back({.header = header, .data = {data.begin(), data.end()}, .read = std::move(read)});
  count_status(statuses_.back(), true);
  if (!memory_.fits(0)) give_up_data(0);  // data gives way to responses
}

void Recovery::acknowledge(std::uint32_t exp_stat_sn) {
  if (pdu::serial_less(next(), exp_stat_sn)) return;  // none of ours
  while (pdu::serial_less(first_, exp_stat_sn)) {
    const SentStatus& oldest = statuses_.front();
    count_status(oldest, false);
    if (oldest.read != nullptr) give(oldest.read->bytes());
    statuses_.pop_front();
    ++first_;
  }
}

SentStatus* Recovery::find(std::uint32_t initiator_task_tag) {
  const auto at = std::find_if(statuses_.rbegin(), statuses_.rend(), [&](const SentStatus& each) {
    return pdu::OpcodeBits::get(each.header.opcode) == pdu::Opcode::kScsiResponse &&
           each.header.initiator_task_tag == initiator_task_tag;
  });
  return at == statuses_.rend() ? nullptr : &*at;
}

SentStatus Recovery::extract(std::uint32_t initiator_task_tag) {
  SentStatus* const found = find(initiator_task_tag);
  SentStatus taken = std::move(*found);
  statuses_.erase(std::find_if(statuses_.begin(), statuses_.end(), [&](const auto& each) { return &each == found; }));
  count_status(taken, false);
  if (taken.read != nullptr) give(taken.read->bytes());
  return taken;
}

bool Recovery::owes_scsi_response() const {
  return std::any_of(statuses_.begin(), statuses_.end(), [](const SentStatus& each) {
    return pdu::OpcodeBits::get(each.header.opcode) == pdu::Opcode::kScsiResponse;
  });
}

void Recovery::give_up_data(std::size_t bytes) {
  for (SentStatus& each : statuses_) {
    if (room_for(bytes)) break;
    if (each.read == nullptr || each.read->bytes() == 0) continue;
    give(each.read->bytes());
    each.read = std::make_unique<SentData>();
    each.read->cannot_keep();
    memory_.refuse();
  }
}

bool Recovery::make_room(std::size_t bytes) {
  give_up_data(bytes);
  const bool room = room_for(bytes);
  if (!room) memory_.refuse();
  return room;
}

// RFC 7143 11.16: 0 for both means all that is not acknowledged, 0 for the length all from the first on.
bool find_run(std::uint32_t beg_run, std::uint32_t run_length, std::uint32_t first, std::uint32_t next,
              NumberRun& out) {
  const std::uint32_t sent = next - first, from = beg_run - first;
  if (beg_run == 0 && run_length == 0) {
    out = {first, next};
    return true;
  }
  if (from >= sent || run_length > sent - from) return false;
  out = {beg_run, run_length == 0 ? next : beg_run + run_length};
  return true;
}

}  // namespace iscsi
