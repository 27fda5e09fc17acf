// Commands received, and what becomes of the steps that the host asked for.
#include "emu/qla/target.h"

#include <algorithm>
#include <cstring>

namespace emu::qla {
namespace {

using hal::fc::FcpCmnd;
constexpr std::size_t kInEntry = wire::kEntryBytes - 8 - sizeof(hal::fc::FrameHeader);  // FCP_CMND bytes in the first
constexpr std::uint32_t kNobody = 0xFFFFFFFF;

wire::CtioStatus status_of(fc::EndReason reason) {
  switch (reason) {
    case fc::EndReason::kDone:
      return wire::CtioStatus::kOk;
    case fc::EndReason::kAborted:
    case fc::EndReason::kAbortedByPeer:
      return wire::CtioStatus::kAborted;
    case fc::EndReason::kTimeout:
    case fc::EndReason::kMissingData:
      return wire::CtioStatus::kTimeout;
    case fc::EndReason::kLoggedOut:
      return wire::CtioStatus::kPortLoggedOut;
    case fc::EndReason::kLinkDown:
      return wire::CtioStatus::kPortUnavailable;
    case fc::EndReason::kUserFailed:
      return wire::CtioStatus::kBusError;
    case fc::EndReason::kProtocol:
      break;
  }
  return wire::CtioStatus::kReassembly;
}

bool is_protected(const wire::Entry& entry) {
  return entry.head.type == static_cast<std::uint8_t>(wire::EntryType::kCtioCrc2);
}

}  // namespace

void Target::reset() {
  std::fill(exchanges_.begin(), exchanges_.end(), Exchange{});
  steps_.clear();
  free_.clear();
  withheld_.clear();
  to_lose_ = 0;
}

bool Target::received(const fc::ReceivedCommand& command) {
  const std::size_t entries = 1 + (command.cmnd.size() - std::min(command.cmnd.size(), kInEntry) + 63) / 64;
  if (!core_.target() || command.login->state != fc::LoginState::kPrliDone) {
    core_.count("commands without process login");
    if (command.id != fc::kNoExchange) core_.port.terminate(command.id, kNobody, true);
    return true;
  }
  if (!core_.queues.atios.room(static_cast<std::uint32_t>(entries))) return false;
  FcpCmnd cmnd;
  std::memcpy(static_cast<void*>(&cmnd), command.cmnd.data(), sizeof cmnd);
  const std::uint8_t attribute = FcpCmnd::TaskAttribute::get(cmnd.priority_attribute);
  std::array<wire::Entry, 8> made{};
  wire::Atio7 atio{};
  atio.type = static_cast<std::uint8_t>(wire::EntryType::kAtio7);
  atio.count = static_cast<std::uint8_t>(entries);
  const auto length = static_cast<std::uint16_t>(sizeof(hal::fc::FrameHeader) + command.cmnd.size());
  atio.attribute_length =
      static_cast<std::uint16_t>(wire::Atio7::Attribute::of(attribute) | wire::Atio7::Length::of(length));
  atio.exchange = command.id.raw;
  static_assert(sizeof(atio.header) == sizeof(*command.header));
  std::memcpy(static_cast<void*>(&atio.header), command.header, sizeof atio.header);
  made[0] = to_entry(atio);
  // The FCP_CMND runs on through the entries behind the first.
  std::memcpy(reinterpret_cast<std::byte*>(made.data()) + (wire::kEntryBytes - kInEntry), command.cmnd.data(),
              std::min(command.cmnd.size(), sizeof made - (wire::kEntryBytes - kInEntry)));
  if (command.id != fc::kNoExchange) {
    std::uint32_t data_length = cmnd.data_length;
    const std::size_t additional = FcpCmnd::AdditionalCdbLength::get(cmnd.additional_length) * std::size_t{4};
    if (additional > 0 && command.cmnd.size() >= sizeof cmnd + additional) {
      base::be32 behind;
      std::memcpy(static_cast<void*>(&behind), command.cmnd.data() + sizeof cmnd - 4 + additional, 4);
      data_length = behind;
    }
    exchanges_[command.id.index()] = {
        command.id, command.header->s_id, data_length, command.header->ox_id, attribute, false, false};
  }
  if (!core_.queues.atios.push(std::span(made).first(entries)))
    core_.events.post_async(regs::AsyncEvent::kResponseDmaError);
  return true;
}

std::optional<std::uint32_t> Target::take() {
  if (free_.empty()) {
    if (steps_.size() == kMost) return std::nullopt;
    steps_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(steps_.size() - 1));
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  steps_[index].used = true;
  return index | kTagBit;
}

void Target::release(std::uint32_t tag) {
  steps_[tag & ~kTagBit].used = false;
  free_.push_back(tag & ~kTagBit);
}

bool Target::fetch(std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) {
  Step& step = steps_[tag & ~kTagBit];
  if (step.in_host && step.protection.active()) return step.protection.fetch(core_.host, offset - step.base, to);
  if (step.in_host) return step.data.read(core_.host, offset - step.base, to);
  if (offset + to.size() > step.response_size) return false;
  std::memcpy(to.data(), step.response.data() + offset, to.size());
  return true;
}

bool Target::store(std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) {
  Step& step = steps_[tag & ~kTagBit];
  if (step.protection.active()) return step.protection.store(core_.host, offset - step.base, from);
  return step.data.write(core_.host, offset - step.base, from);
}

void Target::step_done(std::uint32_t tag, const fc::StepEnd& end) {
  const std::uint32_t index = tag & ~kTagBit;
  if (index >= steps_.size() || !steps_[index].used) return;
  Step& step = steps_[index];
  if (step.then_respond && end.reason == fc::EndReason::kDone) {
    step.then_respond = false;
    if (start_response(step, tag, std::bit_cast<wire::Ctio7Mode0>(step.entry)) == fc::StepStatus::kTaken) return;
    complete(step.origin, step.entry, wire::CtioStatus::kInvalidExchange);
    return release(tag);
  }
  if (to_lose_ > 0) {
    --to_lose_;
    withheld_.push_back({step.id, step.origin, step.entry});
  } else {
    const auto& error = step.protection.error();
    Exchange& exchange = exchanges_[step.id.index()];
    if (error && exchange.id == step.id) exchange.finished = false;  // its status was not sent
    complete(step.origin, step.entry, error ? wire::CtioStatus::kDifError : status_of(end.reason), end.missing,
             error ? &*error : nullptr);
  }
  release(tag);
}

void Target::aborted(fc::ExchangeId id) {
  Exchange& exchange = exchanges_[id.index() % exchanges_.size()];
  if (exchange.id == id) exchange.aborted = true;
  ended(id);
}

void Target::ended(fc::ExchangeId id) {
  const auto its = std::stable_partition(withheld_.begin(), withheld_.end(),
                                         [&](const Withheld& withheld) { return withheld.id != id; });
  for (auto at = its; at != withheld_.end(); ++at) complete(at->origin, at->entry, wire::CtioStatus::kAborted);
  withheld_.erase(its, withheld_.end());
}

void Target::complete(const Origin& origin, const wire::Entry& entry, wire::CtioStatus status, std::uint32_t residual,
                      const Protection::Error* error) {
  const auto head = std::bit_cast<wire::Ctio7Mode0>(entry);
  if (status == wire::CtioStatus::kOk && wire::CtioFlags::NoCompletion::get(head.flags)) return;
  auto done = fresh<wire::Ctio7Done>(wire::EntryType::kCtio7);
  done.head.handle = head.head.handle;
  done.head.system = head.head.system;
  done.status = static_cast<std::uint16_t>(status);
  done.timeout = head.timeout;
  done.segment_count = head.segment_count;
  done.vp = head.vp;
  done.exchange = head.exchange;
  done.flags = head.flags;
  done.residual = residual;
  done.ox_id = head.ox_id;
  if (!is_protected(entry)) {
    done.relative_offset = head.relative_offset;
    return core_.answer(origin, done);
  }
  auto checked = std::bit_cast<wire::CtioCrc2Done>(done);
  checked.head.type = static_cast<std::uint8_t>(wire::EntryType::kCtioCrc2);
  checked.reserved14 = 0;
  if (error != nullptr) {
    checked.actual = std::bit_cast<wire::Bytes8>(error->actual);
    checked.expected = std::bit_cast<wire::Bytes8>(error->expected);
  }
  core_.answer(origin, checked);
}

}  // namespace emu::qla
