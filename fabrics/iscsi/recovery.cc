// Keeping of responses.
#include "fabrics/iscsi/recovery.h"

#include <algorithm>
#include <utility>

namespace iscsi {

void Recovery::keep(const pdu::BasicHeader& header, std::span<const std::byte> data, std::unique_ptr<SentData> read) {
  status_bytes_ += data.size();
  statuses_.push_back({.header = header, .data = {data.begin(), data.end()}, .read = std::move(read)});
}

void Recovery::acknowledge(std::uint32_t exp_stat_sn) {
  if (pdu::serial_less(next(), exp_stat_sn)) return;  // none of ours
  while (pdu::serial_less(first_, exp_stat_sn)) {
    const SentStatus& oldest = statuses_.front();
    status_bytes_ -= oldest.data.size();
    if (oldest.read != nullptr) bytes_ -= oldest.read->bytes();
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
  status_bytes_ -= taken.data.size();
  if (taken.read != nullptr) bytes_ -= taken.read->bytes();
  return taken;
}

bool Recovery::make_room(std::size_t bytes) {
  for (SentStatus& each : statuses_) {
    if (bytes_ + bytes <= kMostBytes) break;
    if (each.read == nullptr || each.read->bytes() == 0) continue;
    bytes_ -= each.read->bytes();
    each.read = std::make_unique<SentData>();
    each.read->cannot_keep();
  }
  return bytes_ + bytes <= kMostBytes;
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
