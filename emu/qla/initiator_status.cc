// Status entries of the initiator's role, and aborts.
#include <algorithm>
#include <cstring>

#include "emu/qla/initiator.h"

namespace emu::qla {
namespace {

using hal::fc::FcpRsp;
constexpr std::uint32_t kMostSense = 252;
constexpr std::size_t kProtectionInStatus = 12;  // the tuple found, then the one expected

wire::Completion completion_of(fc::EndReason reason) {
  switch (reason) {
    case fc::EndReason::kDone:
      return wire::Completion::kOk;
    case fc::EndReason::kAborted:
      return wire::Completion::kAborted;
    case fc::EndReason::kAbortedByPeer:
      return wire::Completion::kAbortedByTarget;
    case fc::EndReason::kTimeout:
      return wire::Completion::kTimeout;
    case fc::EndReason::kLoggedOut:
      return wire::Completion::kPortLoggedOut;
    case fc::EndReason::kLinkDown:
      return wire::Completion::kPortUnavailable;
    case fc::EndReason::kMissingData:
      return wire::Completion::kIncomplete;
    case fc::EndReason::kUserFailed:
      return wire::Completion::kDmaError;
    case fc::EndReason::kProtocol:
      break;
  }
  return wire::Completion::kTransport;
}

}  // namespace

void Initiator::fail(std::uint32_t tag, wire::Completion completion) {
  auto status = fresh<wire::Status>(wire::EntryType::kStatus);
  status.completion = static_cast<std::uint16_t>(completion);
  report(slots_[tag], status, {});
  release(tag);
}

void Initiator::ended(std::uint32_t tag, const fc::CommandEnd& end) {
  if (tag >= slots_.size() || !slots_[tag].used) return;
  Slot& slot = slots_[tag];
  auto status = fresh<wire::Status>(wire::EntryType::kStatus);
  status.ox_id = end.ox_id;
  const std::uint32_t moved = std::min(slot.byte_count, std::max(end.data_in, end.data_out));
  status.residual = slot.byte_count - moved;
  if (moved > 0) status.state_flags = wire::kStateTransferred;
  auto completion = completion_of(end.reason);
  std::array<std::uint8_t, 8 + kMostSense> info{};
  std::size_t info_size = 0;
  if (end.reason == fc::EndReason::kDone && end.response.size() >= sizeof(FcpRsp)) {
    FcpRsp rsp;
    std::memcpy(static_cast<void*>(&rsp), end.response.data(), sizeof rsp);
    const auto rest = end.response.subspan(sizeof rsp);
    const std::uint32_t code_bytes =
        (rsp.flags & FcpRsp::kResponseLengthValid) != 0 ? std::uint32_t{rsp.response_length} : 0u;
    const std::uint32_t sense_bytes =
        (rsp.flags & FcpRsp::kSenseLengthValid) != 0 ? std::uint32_t{rsp.sense_length} : 0u;
    info_size = std::min<std::size_t>({info.size(), rest.size(), std::size_t{code_bytes} + sense_bytes});
    std::memcpy(info.data(), rest.data(), info_size);
    status.response_length = code_bytes;
    status.sense_length = sense_bytes;
    status.status_qualifier = std::uint16_t{rsp.status_qualifier};
    status.response_residual = std::uint32_t{rsp.residual};
    status.scsi_status = static_cast<std::uint16_t>(
        rsp.status | (code_bytes > 0 ? wire::kStatusResponseValid : 0) |
        (sense_bytes > 0 ? wire::kStatusSenseValid : 0) |
        ((rsp.flags & FcpRsp::kResidualOver) != 0 ? wire::kStatusOver : 0) |
        ((rsp.flags & FcpRsp::kResidualUnder) != 0 ? wire::kStatusUnder : 0) |
        ((rsp.flags & FcpRsp::kConfirmationRequested) != 0 ? wire::kStatusConfirmRequested : 0));
    // Data that a target did not ask for, as it refuses the command, is not missing: tcm_qla2xxx tells of a residual
    // with reads that it refuses, lest they look as if frames were lost, and never with writes.
    const bool under = (rsp.flags & FcpRsp::kResidualUnder) != 0;
    if (slot.writes && rsp.status != 0 && !under) status.residual = 0;
    if (status.residual > 0) completion = wire::Completion::kUnderrun;
    if (slot.response_room > 0) {
      const auto part = end.response.first(std::min<std::size_t>(end.response.size(), slot.response_room));
      if (!core_.host.dma_write({slot.response_address}, part)) completion = wire::Completion::kDmaError;
    }
  }
  if (const auto& error = slot.protection.error()) {
    completion = wire::Completion::kDifError;
    const auto raw = std::bit_cast<std::array<std::uint8_t, sizeof *error>>(*error);
    info_size = kProtectionInStatus + raw.size();
    swap_words(std::span(info).subspan(kProtectionInStatus, raw.size()), raw);  // as on the wire after all
  }
  status.completion = static_cast<std::uint16_t>(completion);
  report(slot, status, std::span(info).first(info_size));
  release(tag);
}

// Response information and sense beyond what the entry holds follow in continuations.
void Initiator::report(const Slot& slot, wire::Status status, std::span<const std::uint8_t> info) {
  status.head.handle = slot.handle;
  const auto first = info.first(std::min(info.size(), status.data.size()));
  auto rest = info.subspan(first.size());
  swap_words(status.data, first);
  constexpr std::size_t kPart = sizeof(wire::StatusContinuation::data);
  if (!slot.origin.mailbox) status.head.count = static_cast<std::uint8_t>(1 + (rest.size() + kPart - 1) / kPart);
  core_.answer(slot.origin, status);
  if (slot.origin.mailbox) return;
  while (!rest.empty()) {
    auto more = fresh<wire::StatusContinuation>(wire::EntryType::kStatusContinuation);
    const auto part = rest.first(std::min(rest.size(), kPart));
    swap_words(more.data, part);
    core_.answer(slot.origin, more);
    rest = rest.subspan(part.size());
  }
}

void Initiator::abort(const Request& request) {
  auto entry = request.as<wire::Abort>();
  const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.used && slot.handle == entry.handle_to_abort && slot.origin.request == entry.request_queue &&
           slot.id != fc::kNoExchange;
  });
  std::uint32_t tag = 0;
  if (found != slots_.end()) {
    while (tag < aborting_.size() && aborting_[tag].used) ++tag;
    if (tag == aborting_.size()) aborting_.emplace_back();
    aborting_[tag] = {true, request.origin, entry};
    if (core_.port.abort(found->id, tag, !wire::Abort::NoAbts::get(entry.options))) return;
    aborting_[tag].used = false;
  }
  entry.nport = static_cast<std::uint16_t>(wire::Completion::kIocbError);  // no such command
  core_.answer(request.origin, entry);
}

void Initiator::abort_done(std::uint32_t tag, fc::AbortResult result) {
  if (tag >= aborting_.size() || !aborting_[tag].used) return;
  aborting_[tag].used = false;
  wire::Abort entry = aborting_[tag].entry;
  entry.nport = static_cast<std::uint16_t>(result == fc::AbortResult::kTimeout    ? wire::Completion::kTimeout
                                           : result == fc::AbortResult::kNotFound ? wire::Completion::kIocbError
                                                                                  : wire::Completion::kOk);
  core_.answer(aborting_[tag].origin, entry);
}

}  // namespace emu::qla
