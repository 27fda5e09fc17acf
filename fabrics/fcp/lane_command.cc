// Commands on their way in: checks, the slot, hand-over to the SCSI core (FCP-4 9.4).
#include <cstring>

#include "base/check.h"
#include "fabrics/fcp/lane.h"
#include "hal/port/fc_frame.h"

namespace fcp {
namespace {

using hal::fc::Exchange;

constexpr std::size_t kFixedCdb = 16;

// FCP-4 table 26; false for values that are reserved.
bool attribute_of(std::uint8_t wire, scsi::TaskAttribute& out) {
  static constexpr scsi::TaskAttribute kAttributes[] = {scsi::TaskAttribute::kSimple, scsi::TaskAttribute::kHeadOfQueue,
                                                        scsi::TaskAttribute::kOrdered, scsi::TaskAttribute::kSimple,
                                                        scsi::TaskAttribute::kAca};
  constexpr std::uint8_t kReserved = 3;
  if (wire >= std::size(kAttributes) || wire == kReserved) return false;
  out = kAttributes[wire];
  return true;
}

scsi::DataDirection direction_of(const Exchange& exchange) {
  static constexpr scsi::DataDirection kDirections[4] = {scsi::DataDirection::kNone, scsi::DataDirection::kOut,
                                                         scsi::DataDirection::kIn, scsi::DataDirection::kBidirectional};
  return kDirections[(exchange.reads ? 2 : 0) + (exchange.writes ? 1 : 0)];
}

// False when the fields contradict each other or do not fit: nothing is executed then.
bool fill(Slot& slot, const Exchange& exchange) {
  scsi::Command& command = slot;
  const std::size_t length = exchange.cdb_length;
  if (!attribute_of(exchange.task_attribute, command.attribute)) return false;
  if (length != kFixedCdb && (length < kFixedCdb || length > command.cdb.size() || length % 4 != 0)) return false;
  command.direction = direction_of(exchange);
  if (command.direction == scsi::DataDirection::kNone && exchange.data_length != 0) return false;
  command.tag = std::uint64_t{exchange.index} << 16 | exchange.ox_id;
  command.lun.bytes = exchange.lun;
  command.expected_length = exchange.data_length;
  command.priority = exchange.priority & 0x0f;
  command.cdb_length = exchange.cdb_length;
  std::memcpy(command.cdb.data(), exchange.cdb.data(), kFixedCdb);
  std::memset(command.cdb.data() + kFixedCdb, 0, kFixedCdb);
  if (length > kFixedCdb) [[unlikely]] {
    std::memcpy(command.cdb.data() + kFixedCdb, exchange.cdb.data() + kFixedCdb, length - kFixedCdb);
  }
  return true;
}

}  // namespace

void Lane::command_received(Exchange& exchange) {
  CHECK(exchange.index < slot_count_);
  Slot& slot = slot_of(exchange);
  CHECK(slot.place == SlotPlace::kFree);
  Session* const session = session_of(exchange.login);
  slot.exchange = &exchange;
  slot.session = session;
  if (session == nullptr || session->lost) [[unlikely]] {
    ++counters_.stray_commands;
    if (session != nullptr) ++session->exchanges;
    return drop(slot);
  }
  ++session->exchanges;
  if (exchange.task_management_flags != 0) [[unlikely]]
    return receive_management(slot);
  if (!fill(slot, exchange)) [[unlikely]]
    return refuse_fields(slot);
  slot.nexus = session->nexus;
  slot.place = SlotPlace::kCore;
  slot.status_in_data = slot.abort_asked = false;
  slot.transfers_out = 0;
  ++session->commands;
  router_.scsi_command_received(slot);
}

void Lane::refuse_fields(Slot& slot) {
  ++counters_.invalid_commands;
  note(PortEvent::kInvalidCommand, *slot.session, slot.exchange->ox_id);
  if (log_budget_.allow(reactor_.now())) {
    kLog.warn("{}: {}: FCP_CMND with invalid fields ({} lines suppressed)", name_,
              to_string(slot.session->initiator.port_name), log_budget_.suppressed());
  }
  refuse(slot, hal::fc::FcpRspInfo::kCommandFieldsInvalid);
}

void Lane::refuse(Slot& slot, std::uint8_t code) {
  slot.place = SlotPlace::kEnding;
  hal::fc::ExchangeResponse response;
  response.has_code = true;
  response.code = code;
  queue_.send_response(*slot.exchange, response);
}

}  // namespace fcp
