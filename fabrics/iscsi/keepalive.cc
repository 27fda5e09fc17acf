// NOP-Out, NOP-In and the watch over silent initiators (RFC 7143 11.18, 11.19).
#include <algorithm>
#include <utility>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

using pdu::kReservedTag;
using pdu::RejectReason;

namespace {
constexpr base::Duration kStatusWait = std::chrono::seconds(5);  // for an acknowledgement, until it is asked for again
constexpr std::size_t kMostLatePings = 8;                        // of an initiator that never answers them
}  // namespace

void Connection::receive_nop_out(const hal::ControlPdu& pdu) {
  const auto& request = pdu.as<pdu::NopOut>();
  if (request.initiator_task_tag == kReservedTag) {
    // No answer is wanted: it answers our ping, or only tells ExpStatSN.
    const bool answers = request.target_transfer_tag != kReservedTag;
    if (!pdu::Immediate::get(request.opcode) || (answers && !ping_answered(request.target_transfer_tag))) {
      reject(RejectReason::kInvalidPduField, pdu.header);
    }
    return;
  }
  if (request.target_transfer_tag != kReservedTag) {
    reject(RejectReason::kInvalidPduField, pdu.header);
    return;
  }
  consume(pdu);
  pdu::NopIn response;
  response.lun = request.lun;
  response.initiator_task_tag = request.initiator_task_tag;
  send_numbered(response, pdu.data.first(std::min<std::size_t>(pdu.data.size(), parameters_.initiator_max_data)));
}

// False: to no ping of ours, or to one that has been answered.
bool Connection::ping_answered(std::uint32_t tag) {
  if (tag != ping_tag_) return std::erase(late_pings_, tag) != 0;
  ping_tag_ = kReservedTag;
  return true;
}

// Something else was heard meanwhile. The answer is not waited for any longer, and may still come.
void Connection::ping_overtaken() {
  if (late_pings_.size() == kMostLatePings) late_pings_.erase(late_pings_.begin());
  late_pings_.push_back(std::exchange(ping_tag_, kReservedTag));
}

// The timer: idle long enough to ask whether anybody is there, or asked and not answered.
void Connection::keepalive() {
  const base::Time now = shard_.reactor().now();
  const Limits& limits = shard_.limits();
  if (ping_tag_ != kReservedTag && last_heard_ > pinged_at_) ping_overtaken();
  base::Duration interval = limits.nop_interval;
  const bool owed = fenced_ || (recovery_ != nullptr && !recovery_->all_acknowledged());
  if (owed && (interval.count() == 0 || interval > kStatusWait)) {
    interval = kStatusWait;  // RFC 7143 7.1.4.3: a NOP-In shows the initiator which StatSN it has missed
  }
  base::Time next = interval.count() == 0 ? base::Time::max() : last_heard_ + interval;
  if (ping_tag_ != kReservedTag) {
    next = pinged_at_ + limits.nop_timeout;
    if (next <= now) {
      log_peer_error("NOP-In not answered in time");
      leave();
      return;
    }
    if (const base::Time again = pinged_at_ + limits.nop_timeout / 2; recovery_ != nullptr && !ping_repeated_) {
      if (again <= now) {
        repeat_ping();
      } else {
        next = again;
      }
    }
  } else if (next <= now) {
    if (nexus_ == nullptr) {  // discovery sessions are not pinged
      leave();
      return;
    }
    send_ping();
    next = now + limits.nop_timeout;
  }
  if (grace_over_ != base::Time{}) next = std::min(next, grace_over_);
  if (fenced_) next = std::min(next, fence_over_);
  if (recovery_ != nullptr || fenced_) next = std::min(next, now + kStatusWait);
  if (next != base::Time::max()) timer_.arm(shard_.reactor().timers(), next);
}

void Connection::send_ping() {
  ping_tag_ = new_tag();
  pdu::NopIn ping;
  ping.target_transfer_tag = ping_tag_;
  stamp(ping);
  --stat_sn_;  // not advanced by a NOP-In that we begin
  datamover_->send(ping);
  pinged_at_ = shard_.reactor().now();
  ping_repeated_ = false;
}

// From error recovery level 1 on, either side drops a PDU whose header digest is wrong and says nothing (RFC 7143 7.8):
// a ping or its answer may be lost. The time for an answer is that of the first.
void Connection::repeat_ping() {
  const base::Time first = pinged_at_;
  ping_overtaken();
  send_ping();
  pinged_at_ = first;
  ping_repeated_ = true;
}

// The answer to a ping tells ExpStatSN; so does every other request.
bool Connection::ask_acknowledgement() {
  fenced_ = true;
  fence_ = stat_sn_;
  fence_over_ = shard_.reactor().now() + shard_.limits().nop_timeout;
  fence_asked_ = ping_tag_ == kReservedTag;
  if (fence_asked_) send_ping();
  keepalive();  // watches over it
  return fenced_;
}

void Connection::acknowledged(std::uint32_t exp_stat_sn) {
  if (pdu::serial_less(exp_stat_sn, fence_)) {
    if (ping_tag_ != kReservedTag || fence_asked_) return;  // what it lacks it has to ask for first
    fence_asked_ = true;
    send_ping();  // the answer was to an older one
    return;
  }
  fenced_ = false;
  session_->fence_passed();
}

void Connection::send_window() {
  pdu::NopIn update;
  stamp(update);
  --stat_sn_;
  datamover_->send(update);
}

}  // namespace iscsi
