// What a target says without being asked (RFC 7143 11.9).
#include <algorithm>
#include <array>
#include <cstring>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"
#include "scsi_core/sense_codes.h"

namespace iscsi {
namespace {

enum AsyncEvent : std::uint8_t {
  kScsiEvent = 0,
  kRequestLogout = 1,
  kConnectionDropped = 2,
  kSessionDropped = 3,
  kRequestNegotiation = 4,
};

// For Parameter3.
std::uint16_t seconds_of(base::Duration time) {
  return static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(time).count(), 1, 65535));
}

}  // namespace

void Connection::request_logout(base::Duration grace) {
  if (phase_ != Phase::kFullFeature) return;
  pdu::AsyncMessage message;
  message.async_event = kRequestLogout;
  message.parameter3 = seconds_of(grace);
  send_numbered(message);
  shard_.note(PortEvent::kLogoutAsked, datamover_->peer_address(), message.parameter3);
  const base::Time over = shard_.reactor().now() + grace;
  if (grace_over_ == base::Time{} || over < grace_over_) grace_over_ = over;
  timer_.arm(shard_.reactor().timers(), grace_over_);
}

// The initiator's Text Request, even an empty one, is answered with what the target declares now (text_exchange.cc).
// One that sends none loses nothing: it may be asked again.
void Connection::ask_to_negotiate(base::Duration limit) {
  if (!live() || closed_) return;
  pdu::AsyncMessage message;
  message.async_event = kRequestNegotiation;
  message.parameter3 = seconds_of(limit);
  send_numbered(message);
  shard_.note(PortEvent::kNegotiationAsked, datamover_->peer_address(), message.parameter3);
}

void Connection::grace_is_over() {
  if (session_->asked_to_log_out()) {
    session_->drop_connections();
  } else {
    report_drop(cid_, may_suspend());
    leave_unannounced();
  }
}

// Of a connection. Parameter3 says how long, after Time2Wait, its tasks are kept for a reassignment; 0: they end now.
void Connection::report_drop(std::uint16_t cid, bool tasks_wait) {
  if (!live() || closed_) return;
  pdu::AsyncMessage message;
  message.async_event = kConnectionDropped;
  message.parameter1 = cid;
  message.parameter2 = session_->parameters.time2wait;
  if (tasks_wait) message.parameter3 = session_->parameters.time2retain;
  send_numbered(message);
  shard_.note(PortEvent::kDropReported, datamover_->peer_address(), cid);
}

void Connection::report_session_drop() {
  if (!live() || closed_) return;
  pdu::AsyncMessage message;
  message.async_event = kSessionDropped;
  message.parameter2 = session_->parameters.time2wait;
  send_numbered(message);
  shard_.note(PortEvent::kSessionDropReported, datamover_->peer_address(), session_->id);
}

// The unit attention condition stays: this only says that there is one. LUN 0, for the whole target.
void Connection::report_logical_units_changed() {
  std::array<std::byte, 2 + scsi::Sense::kMaxSize> data;  // SenseLength, then the sense data
  const scsi::Sense sense{.code = scsi::kReportedLunsDataHasChanged};
  const std::size_t size = sense.encode(false, std::span(data).subspan(2));
  const pdu::be16 length = static_cast<std::uint16_t>(size);
  std::memcpy(data.data(), &length, sizeof length);
  pdu::AsyncMessage message;
  message.async_event = kScsiEvent;
  send_numbered(message, std::span(data).first(2 + size));
  shard_.note(PortEvent::kChangeReported, datamover_->peer_address(), session_->id);
}

}  // namespace iscsi
