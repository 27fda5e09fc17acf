// Task management: the flags of FCP_CMND (FCP-4 9.4.2.8) and ABTS (FCP-4 12.3).
#include <memory>
#include <utility>

#include "base/check.h"
#include "fabrics/fcp/lane.h"
#include "hal/port/fc_frame.h"

namespace fcp {
namespace {

using hal::fc::FcpCmnd;
using hal::fc::FcpRspInfo;

// False when the function is obsolete or not one that the standard knows.
bool function_of(std::uint8_t flags, scsi::TaskFunction& out) {
  using scsi::TaskFunction;
  static constexpr std::pair<std::uint8_t, TaskFunction> kFunctions[] = {
      {FcpCmnd::kAbortTaskSet, TaskFunction::kAbortTaskSet},
      {FcpCmnd::kClearTaskSet, TaskFunction::kClearTaskSet},
      {FcpCmnd::kLogicalUnitReset, TaskFunction::kLogicalUnitReset},
      {FcpCmnd::kTargetReset, TaskFunction::kTargetReset},
      {FcpCmnd::kClearAca, TaskFunction::kClearAca},
  };
  for (const auto& [flag, function] : kFunctions) {
    if (flag != flags) continue;
    out = function;
    return true;
  }
  return false;
}

std::uint8_t code_of(scsi::TmfResponse response) {
  switch (response) {
    case scsi::TmfResponse::kFunctionComplete:
      return FcpRspInfo::kTaskManagementComplete;
    case scsi::TmfResponse::kFunctionSucceeded:
      return FcpRspInfo::kTaskManagementSucceeded;
    case scsi::TmfResponse::kIncorrectLun:
      return FcpRspInfo::kIncorrectLun;
    case scsi::TmfResponse::kFunctionRejected:  // the core could not do it in time
      return FcpRspInfo::kTaskManagementFailed;
    case scsi::TmfResponse::kTaskDoesNotExist:
    case scsi::TmfResponse::kNotSupported:
      break;
  }
  return FcpRspInfo::kTaskManagementRejected;
}

bool one_bit(std::uint8_t flags) { return (flags & (flags - 1)) == 0; }

}  // namespace

void Lane::receive_management(Slot& slot) {
  const hal::fc::Exchange& exchange = *slot.exchange;
  Session& session = *slot.session;
  scsi::TaskFunction function{};
  if (!one_bit(exchange.task_management_flags)) return refuse_fields(slot);
  ++counters_.task_management;
  if (!function_of(exchange.task_management_flags, function)) {
    note(PortEvent::kManagement, session,
         std::uint64_t{exchange.task_management_flags} << 8 | FcpRspInfo::kTaskManagementRejected);
    return refuse(slot, FcpRspInfo::kTaskManagementRejected);
  }
  // More than these wait only when a medium hangs, for those that came before.
  if (session.management >= Management::kMaxPerSession) return refuse(slot, FcpRspInfo::kTaskManagementFailed);
  auto& request = *new Management;  // not on the path of reads and writes
  request.nexus = session.nexus;
  request.function = function;
  request.lun.bytes = exchange.lun;
  request.session = &session;
  request.slot = &slot;
  request.flags = exchange.task_management_flags;
  ++session.management;
  slot.management = &request;
  slot.place = SlotPlace::kManagement;
  router_.task_management_request_received(request);
}

// ABORT TASK in the core; the exchange ends when the core drops the command, or has answered it meanwhile.
void Lane::abort_received(hal::fc::Exchange& exchange) {
  Slot& slot = slots_[exchange.index];
  CHECK(slot.place != SlotPlace::kFree);
  if (slot.place == SlotPlace::kEnding) return;
  Session& session = *slot.session;
  if (slot.place == SlotPlace::kManagement) {
    std::exchange(slot.management, nullptr)->slot = nullptr;
    return drop(slot);
  }
  if (slot.abort_asked || session.lost) return;
  slot.abort_asked = true;
  ++counters_.aborts;
  note(PortEvent::kAbort, session, exchange.ox_id);
  auto& request = *new Management;  // bounded: one for each exchange that is alive, and answered soon after its end
  request.nexus = session.nexus;
  request.function = scsi::TaskFunction::kAbortTask;
  request.lun = slot.lun;
  request.tag = slot.tag;
  request.session = &session;
  ++session.management;
  router_.task_management_request_received(request);
}

void Lane::task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) {
  const std::unique_ptr<Management> request(&static_cast<Management&>(function));
  --request->session->management;
  Slot* const slot = request->slot;
  if (slot == nullptr) return;
  slot->management = nullptr;
  const std::uint8_t code = code_of(response);
  note(PortEvent::kManagement, *request->session, std::uint64_t{request->flags} << 8 | code);
  if (request->session->lost) return drop(*slot);
  refuse(*slot, code);
}

}  // namespace fcp
