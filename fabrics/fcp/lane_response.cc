// Data and responses on their way out, and the adapter's answers (FCP-4 9.5 to 9.7).
#include <algorithm>

#include "base/check.h"
#include "fabrics/fcp/lane.h"
#include "scsi_core/sense_codes.h"

namespace fcp {
namespace {

using hal::fc::Exchange;
using hal::fc::ExchangeData;
using hal::fc::ExchangeResponse;

scsi::Delivery delivery_of(hal::fc::DataStatus status) {
  switch (status) {
    case hal::fc::DataStatus::kDone:
      return scsi::Delivery::kDelivered;
    case hal::fc::DataStatus::kTerminated:
      return scsi::Delivery::kTerminated;
    case hal::fc::DataStatus::kFailed:
    case hal::fc::DataStatus::kProtection:
      break;
  }
  return scsi::Delivery::kFailed;
}

std::uint8_t residual_flags(const scsi::Response& response) {
  using Residual = scsi::Response::Residual;
  if (response.residual == Residual::kNone) return 0;
  return response.residual == Residual::kOverflow ? ExchangeResponse::kOver : ExchangeResponse::kUnder;
}

std::uint32_t residual_of(const scsi::Response& response) {
  if (response.residual == scsi::Response::Residual::kNone) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(response.residual_count, 0xffffffff));
}

// Which check it was is the first field that differs; which block, the reference tags say if they count.
void tell_fault(Slot& command, const hal::ProtectionFault& fault) {
  const hal::ProtectionTuple &actual = fault.actual, &expected = fault.expected;
  command.transfer_failure = actual.guard != expected.guard               ? scsi::kLogicalBlockGuardCheckFailed
                             : actual.application != expected.application ? scsi::kLogicalBlockApplicationTagCheckFailed
                                                                          : scsi::kLogicalBlockReferenceTagCheckFailed;
  const hal::ProtectionTransfer& transfer = *command.protection;
  command.failed_block_known = transfer.counts;
  command.failed_block = transfer.lba + (expected.reference - transfer.reference_tag);
}

}  // namespace

void Lane::send_data_in(scsi::Command& command, const scsi::Transfer& transfer) {
  Slot& slot = static_cast<Slot&>(command);
  ExchangeData data{.segments = transfer.segments,
                    .offset = static_cast<std::uint32_t>(transfer.offset),
                    .length = static_cast<std::uint32_t>(transfer.length),
                    .protection = transfer.protection};
  if (transfer.with_status) {
    data.with_status = slot.status_in_data = true;
    if (slot.response.residual != scsi::Response::Residual::kNone) [[unlikely]] {
      data.residual_flags = residual_flags(slot.response);
      data.residual = residual_of(slot.response);
    }
  }
  if (transfer.protection != nullptr) [[unlikely]]
    slot.protection = transfer.protection;
  ++slot.transfers_out;
  slot.session->read_bytes += transfer.length;
  queue_.send_data(*slot.exchange, data);
}

void Lane::receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) {
  Slot& slot = static_cast<Slot&>(command);
  if (transfer.protection != nullptr) [[unlikely]]
    slot.protection = transfer.protection;
  ++slot.transfers_out;
  slot.session->write_bytes += transfer.length;
  queue_.receive_data(*slot.exchange, {.segments = transfer.segments,
                                       .offset = static_cast<std::uint32_t>(transfer.offset),
                                       .length = static_cast<std::uint32_t>(transfer.length),
                                       .protection = transfer.protection});
}

void Lane::terminate_data_transfer(scsi::Command& command) {
  queue_.terminate_data(*static_cast<Slot&>(command).exchange);
}

void Lane::data_done(Exchange& exchange, hal::fc::DataStatus status) {
  Slot& slot = slot_of(exchange);
  CHECK(slot.place == SlotPlace::kCore && slot.transfers_out > 0);
  --slot.transfers_out;
  const bool done = status == hal::fc::DataStatus::kDone;
  const bool ends = done && slot.status_in_data && slot.transfers_out == 0;
  if (!done) [[unlikely]] {
    slot.status_in_data = false;  // no status was sent
    if (status == hal::fc::DataStatus::kProtection) tell_fault(slot, exchange.fault);
  }
  if (slot.direction == scsi::DataDirection::kIn) {
    router_.data_in_delivered(slot, delivery_of(status));
  } else {
    router_.data_out_received(slot, delivery_of(status));
  }
  if (ends) free(slot);  // else it may be ending by now
}

void Lane::send_command_complete(scsi::Command& command) {
  Slot& slot = static_cast<Slot&>(command);
  CHECK(slot.place == SlotPlace::kCore && slot.transfers_out == 0);
  if (slot.session->lost) {  // nobody to tell
    drop(slot);
    return;
  }
  const scsi::Response& result = slot.response;
  slot.place = SlotPlace::kEnding;
  ExchangeResponse response;
  response.status = static_cast<std::uint8_t>(result.status);
  response.residual_flags = residual_flags(result);
  response.residual = residual_of(result);
  response.sense = std::span(result.sense).first(result.sense_length);
  queue_.send_response(*slot.exchange, response);
}

void Lane::drop_command(scsi::Command& command) { drop(static_cast<Slot&>(command)); }

void Lane::drop(Slot& slot) {
  slot.place = SlotPlace::kEnding;
  queue_.drop(*slot.exchange);
}

void Lane::exchange_ended(Exchange& exchange) {
  Slot& slot = slot_of(exchange);
  CHECK(slot.place == SlotPlace::kEnding);
  free(slot);
}

// The slot is the adapter's again.
void Lane::free(Slot& slot) {
  slot.place = SlotPlace::kFree;
  Session* const session = slot.session;
  if (session == nullptr) return;
  --session->exchanges;
  if (session->lost) [[unlikely]]
    end_if_quiet(*session);
}

}  // namespace fcp
