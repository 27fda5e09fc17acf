// Common Transport and link services that the host builds; what becomes of all requests that are out.
#include "emu/qla/services.h"

#include <fmt/format.h>

#include <algorithm>

namespace emu::qla {
namespace {

wire::Completion completion_of(fc::RequestStatus status) {
  switch (status) {
    case fc::RequestStatus::kAccepted:
    case fc::RequestStatus::kRejected:
      return wire::Completion::kOk;
    case fc::RequestStatus::kTimeout:
      return wire::Completion::kTimeout;
    case fc::RequestStatus::kLinkDown:
      return wire::Completion::kPortUnavailable;
    case fc::RequestStatus::kNotLoggedIn:
      return wire::Completion::kPortLoggedOut;
    case fc::RequestStatus::kNoResources:
      break;
  }
  return wire::Completion::kNoResource;
}

}  // namespace

void Services::reset() { pending_.clear(); }

std::optional<std::uint32_t> Services::keep(Kind kind, const Request& request) {
  std::size_t index = 0;
  while (index < pending_.size() && pending_[index].used) ++index;
  if (index == kMost) {
    core_.refuse(request, wire::kEntryBusy);
    return std::nullopt;
  }
  if (index == pending_.size()) pending_.emplace_back();
  Pending& pending = pending_[index];
  pending.used = true;
  pending.kind = kind;
  pending.origin = request.origin;
  pending.entry = request.entries[0];
  pending.receive.clear();
  pending.receive_at = 0;
  return static_cast<std::uint32_t>(index);
}

void Services::ct(const Request& request) {
  const auto entry = request.as<wire::CtPassThrough>();
  const Handles::Port* port = core_.handles.find(entry.nport, entry.vp);
  const unsigned commands = entry.command_segments, answers = entry.response_segments;
  const auto tag = keep(Kind::kCt, request);
  if (!tag) return;
  Pending& pending = pending_[*tag];
  if (commands == 0 || entry.command_bytes == 0 || entry.command_bytes > kMaxPayload ||
      !pending.receive.gather(request.entries, entry.segments, commands + answers)) {
    pending.used = false;
    core_.host.fault(fmt::format("CT entry: {} and {} segments in {} entries, {} bytes", commands, answers,
                                 request.entries.size(), std::uint32_t{entry.command_bytes}));
    return core_.refuse(request, wire::kEntryBadParameter);
  }
  pending.receive_at = pending.receive.total_of_first(commands);
  scratch_.resize(entry.command_bytes);
  if (!pending.receive.read(core_.host, 0, scratch_)) return answered(*tag, fc::RequestStatus::kNoResources, {});
  if (port == nullptr || port->vp != entry.vp) return answered(*tag, fc::RequestStatus::kNotLoggedIn, {});
  core_.port.send_ct({.tag = *tag, .vp = entry.vp, .to = port->id, .limit = std::chrono::seconds(entry.timeout)},
                     scratch_);
}

void Services::els(const Request& request) {
  const auto entry = request.as<wire::ElsPassThrough>();
  constexpr unsigned kRequest = 0, kAccept = 1, kReject = 2;
  const unsigned what = wire::ElsPassThrough::Payload::get(entry.flags);
  scratch_.resize(std::min<std::size_t>(entry.transmit_bytes, kMaxPayload));
  if (!scratch_.empty() && !core_.host.dma_read({entry.transmit.address}, scratch_))
    return core_.refuse(request, wire::kEntryBadParameter);
  if (what != kRequest) {
    if (what == kAccept || what == kReject) core_.port.reply(entry.exchange, scratch_);
    auto done = std::bit_cast<wire::ElsStatus>(entry);
    done.completion = static_cast<std::uint16_t>(wire::Completion::kOk);
    done.total_bytes = 0;
    done.subcode1 = done.subcode2 = done.subcode3 = 0;
    return core_.answer(request.origin, done);
  }
  if (scratch_.size() < 4 || std::to_integer<std::uint8_t>(scratch_[0]) != entry.opcode) {
    core_.host.fault("ELS entry: opcode and payload differ");
    return core_.refuse(request, wire::kEntryBadParameter);
  }
  if (!from_us_to_a_server(entry)) return core_.refuse(request, wire::kEntryBadParameter);
  const auto tag = keep(Kind::kEls, request);
  if (!tag) return;
  if (entry.receive_segments > 0) pending_[*tag].receive.add(entry.receive.address, entry.receive.length);
  const PortId to{entry.d_id};
  if (entry.nport < Handles::kCount && core_.handles.find(entry.nport, entry.vp) == nullptr &&
      !core_.handles.find(entry.vp, to))
    core_.handles.assign(entry.nport, entry.vp, to);
  core_.port.send_els({.tag = *tag, .vp = entry.vp, .to = to, .limit = {}}, scratch_);
}

// To a well-known address: the fabric controller has a handle of its own, and S_ID, if the host says it, is ours.
bool Services::from_us_to_a_server(const wire::ElsPassThrough& entry) {
  constexpr std::uint32_t kWellKnown = 0xfffff0;
  const PortId to{entry.d_id};
  if (to.raw < kWellKnown) return true;
  const std::uint32_t from = std::uint32_t{entry.s_id[0]} << 16 | std::uint32_t{entry.s_id[2]} << 8 | entry.s_id[1];
  const bool controller = to == hal::fc::kFabricController;
  if (controller == (entry.nport == wire::kHandleFabricController) &&
      (from == 0 || from == core_.port.id_of(entry.vp).raw)) {
    return true;
  }
  core_.host.fault(
      fmt::format("ELS entry to {:06x}: handle {:03x}, S_ID {:06x}", to.raw, std::uint16_t{entry.nport}, from));
  return false;
}

// Writes the answer as far as it fits; the completion says how it fitted.
wire::Completion Services::deliver(Pending& pending, fc::RequestStatus status, std::span<const std::byte> payload,
                                   std::uint32_t room) {
  const wire::Completion completion = completion_of(status);
  if (completion != wire::Completion::kOk) return completion;
  const auto part = payload.first(std::min<std::size_t>(payload.size(), room));
  if (!part.empty() && !pending.receive.write(core_.host, pending.receive_at, part)) return wire::Completion::kDmaError;
  if (payload.size() < room) return wire::Completion::kUnderrun;
  return payload.size() > room ? wire::Completion::kOverrun : wire::Completion::kOk;
}

void Services::answered(std::uint32_t tag, fc::RequestStatus status, std::span<const std::byte> payload) {
  if (tag >= pending_.size() || !pending_[tag].used) return;
  Pending& pending = pending_[tag];
  pending.used = false;
  const auto bytes = static_cast<std::uint32_t>(payload.size());
  switch (pending.kind) {
    case Kind::kLogIo:
      return log_io_answered(pending, status, payload);
    case Kind::kCt: {
      auto done = std::bit_cast<wire::CtPassThrough>(pending.entry);
      done.completion = static_cast<std::uint16_t>(deliver(pending, status, payload, done.response_bytes));
      done.response_bytes = bytes;
      return core_.answer(pending.origin, done);
    }
    case Kind::kEls: {
      const auto entry = std::bit_cast<wire::ElsPassThrough>(pending.entry);
      auto done = std::bit_cast<wire::ElsStatus>(pending.entry);
      done.completion = static_cast<std::uint16_t>(deliver(pending, status, payload, entry.receive_bytes));
      done.total_bytes = bytes;
      done.subcode1 = done.subcode2 = done.subcode3 = 0;
      return core_.answer(pending.origin, done);
    }
  }
}

}  // namespace emu::qla
