// What a target says without being asked (RFC 7143 11.9).
#include <algorithm>
#include <array>
#include <cstring>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"
#include "scsi_core/sense_codes.h"

namespace iscsi {
namespace {

enum AsyncEvent : std::uint8_t { kScsiEvent = 0, kRequestLogout = 1 };

}  // namespace

void Connection::request_logout(base::Duration grace) {
  if (phase_ != Phase::kFullFeature) return;
  pdu::AsyncMessage message;
  message.async_event = kRequestLogout;
  message.parameter3 = static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(grace).count(), 1, 65535));
  stamp(message);
  datamover_->send(message);
  shard_.note(PortEvent::kLogoutAsked, datamover_->peer_address(), message.parameter3);
  grace_over_ = shard_.reactor().now() + grace;
  timer_.arm(shard_.reactor().timers(), grace_over_);
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
  stamp(message);
  datamover_->send(message, std::span(data).first(2 + size));
  shard_.note(PortEvent::kChangeReported, datamover_->peer_address(), session_->id);
}

}  // namespace iscsi
