// Commands of the initiator's role on their way out.
#include "emu/qla/initiator.h"

#include <fmt/format.h>

namespace emu::qla {
namespace {

constexpr std::uint16_t kMostSeconds = 0x1999;

base::Duration limit_of(std::uint16_t timeout) {
  return std::chrono::seconds(timeout > kMostSeconds ? std::uint16_t{0} : timeout);
}

}  // namespace

void Initiator::reset() {
  slots_.clear();
  free_.clear();
  aborting_.clear();
}

std::optional<std::uint32_t> Initiator::take(const Request& request) {
  if (free_.empty()) {
    if (slots_.size() == kMost) {
      core_.refuse(request, wire::kEntryBusy);
      return std::nullopt;
    }
    slots_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  const std::uint32_t tag = free_.back();
  free_.pop_back();
  Slot& slot = slots_[tag];
  slot.used = true;
  slot.origin = request.origin;
  slot.handle = request.head().handle;
  slot.id = {};
  slot.data.clear();
  slot.protection.clear();
  slot.byte_count = 0;
  slot.response_address = 0;
  slot.response_room = 0;
  return tag;
}

void Initiator::release(std::uint32_t tag) {
  slots_[tag].used = false;
  free_.push_back(tag);
}

bool Initiator::check(const Request& request, std::uint16_t flags, std::uint16_t reserved, const char* what) {
  const char* wrong = nullptr;
  if (reserved != 0) wrong = "reserved bytes are set";
  if (wire::Command7::ReadData::get(flags) && wire::Command7::WriteData::get(flags)) wrong = "reads and writes";
  if (wire::Command7::SegmentList::get(flags)) wrong = "segment lists are not for this chip";
  if (!core_.initiator()) wrong = "not in initiator mode";
  if (wrong == nullptr) return true;
  core_.host.fault(fmt::format("{}: {}", what, wrong));
  core_.refuse(request, wire::kEntryBadParameter);
  return false;
}

void Initiator::start(std::uint32_t tag, std::uint16_t nport, PortId port_id, std::uint8_t vp, std::uint16_t timeout,
                      std::span<const std::byte> cmnd, std::uint16_t flags) {
  const Handles::Port* port = core_.handles.find(nport);
  if (core_.port.link() == nullptr) return fail(tag, wire::Completion::kPortUnavailable);
  if (port == nullptr) return fail(tag, wire::Completion::kPortLoggedOut);
  if (port->id != port_id || port->vp != vp) {
    core_.host.fault(fmt::format("handle {:x} is port {:06x} of virtual port {}, the entry says {:06x} of {}", nport,
                                 port->id.raw, port->vp, port_id.raw, vp));
    return fail(tag, wire::Completion::kPortLoggedOut);
  }
  slots_[tag].writes = wire::Command7::WriteData::get(flags);
  const auto [status, id] = core_.port.start_command({.tag = tag,
                                                      .vp = vp,
                                                      .to = port->id,
                                                      .cmnd = cmnd,
                                                      .reads = wire::Command7::ReadData::get(flags),
                                                      .writes = slots_[tag].writes,
                                                      .data_length = slots_[tag].byte_count,
                                                      .limit = limit_of(timeout)});
  slots_[tag].id = id;
  switch (status) {
    case fc::StartStatus::kStarted:
      return;
    case fc::StartStatus::kNoneFree:
      return fail(tag, wire::Completion::kNoResource);
    case fc::StartStatus::kNotLoggedIn:
      return fail(tag, wire::Completion::kPortLoggedOut);
    case fc::StartStatus::kLinkDown:
      return fail(tag, wire::Completion::kPortUnavailable);
    case fc::StartStatus::kInvalid:
      return fail(tag, wire::Completion::kIocbError);
  }
}

void Initiator::marker(const Request& request) {
  if (request.head().handle == wire::kMarkerNoReply) return;
  core_.answer(request.origin, request.entries[0]);
}

bool Initiator::fetch(std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) {
  if (tag >= slots_.size()) return false;
  Slot& slot = slots_[tag];
  return slot.protection.active() ? slot.protection.fetch(core_.host, offset, to)
                                  : slot.data.read(core_.host, offset, to);
}

bool Initiator::store(std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) {
  if (tag >= slots_.size()) return false;
  Slot& slot = slots_[tag];
  return slot.protection.active() ? slot.protection.store(core_.host, offset, from)
                                  : slot.data.write(core_.host, offset, from);
}

}  // namespace emu::qla
