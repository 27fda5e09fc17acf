// PLOGI to well-known addresses, and CT pass-through.
#include "drivers/qla/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace qla {
namespace {

using hal::fc::CtStatus;

struct WellKnown {
  std::uint32_t port;
  std::uint16_t nport;
};
constexpr WellKnown kWellKnown[] = {
    {0xfffffa, wire::kHandleManagement},
    {0xfffffc, wire::kHandleNameServer},
    {0xfffffd, wire::kHandleFabricController},
    {0xfffffe, wire::kHandleFabricPort},
};

std::uint16_t handle_of(hal::fc::PortId port) {
  const auto* const found = std::find_if(std::begin(kWellKnown), std::end(kWellKnown),
                                         [&](const WellKnown& w) { return w.port == port.raw; });
  return found == std::end(kWellKnown) ? wire::kHandleUnknown : found->nport;
}

base::Result<void> login_result(const wire::Entry* answer) {
  if (answer == nullptr) return base::fail(base::Errc::kIo, "the adapter is not ready");
  const auto& login = *reinterpret_cast<const wire::LogIo*>(answer);
  const std::uint16_t completion = login.completion;
  if (completion == 0 && answer->head.status == 0) return {};
  const std::uint32_t error = login.io[0];
  if (completion == static_cast<std::uint16_t>(wire::Completion::kIocbError) &&
      error == static_cast<std::uint32_t>(wire::LogIoError::kLoggedIn)) {
    return {};
  }
  return base::fail(base::Errc::kIo, fmt::format("login refused: completion {:02x}, error {:02x}", completion, error));
}

CtStatus ct_status(wire::Completion completion) {
  switch (completion) {
    case wire::Completion::kOk:
    case wire::Completion::kUnderrun:
      return CtStatus::kDone;
    case wire::Completion::kTimeout:
      return CtStatus::kTimeout;
    case wire::Completion::kPortUnavailable:
    case wire::Completion::kPortLoggedOut:
    case wire::Completion::kPortChanged:
      return CtStatus::kNotLoggedIn;
    default:
      return CtStatus::kFailed;
  }
}

}  // namespace

void Requests::log_in(hal::fc::PortId port, const hal::fc::RemotePort& self) {
  if (handle_of(port) == wire::kHandleUnknown) return log_in_to_n_port(port, self);
  auto* const entry = control_.prepare<wire::LogIo>(wire::EntryType::kLogIo);
  if (entry == nullptr) return device_.fail("all control entries are out");
  entry->nport = handle_of(port);
  entry->vp = vp_;
  entry->port_id = port.raw;
  // Without PRLI: these are servers, not targets.
  entry->flags = static_cast<std::uint16_t>(wire::LogIo::Operation::of(wire::kLogPlogi) |
                                            wire::LogIo::Conditional::kMask | wire::LogIo::SkipPrli::kMask);
  control_.send(*this, kLogin | port.raw);
}

base::Result<void> Requests::send_ct(std::uint32_t id, hal::fc::PortId server, std::span<const std::byte> request,
                                     base::Duration limit) {
  if (request.empty() || request.size() > kCtBytes) {
    return base::fail(base::Errc::kInvalid, "a CT request of this size does not fit");
  }
  const auto free = std::find_if(ct_.begin(), ct_.end(), [](const Ct& ct) { return !ct.used; });
  if (free == ct_.end()) return base::fail(base::Errc::kBusy, "too many CT requests are out");
  auto* const entry = control_.prepare<wire::CtPassThrough>(wire::EntryType::kCtPassThrough);
  if (entry == nullptr) return base::fail(base::Errc::kBusy, "all control entries are out");
  const auto slot = static_cast<std::uint32_t>(free - ct_.begin());
  *free = {true, id, 0};
  const hal::DmaSpan out = memory_.ct_request(place(slot)), in = memory_.ct_reply(place(slot));
  std::memcpy(out.bytes.data(), request.data(), request.size());
  std::memset(in.bytes.data(), 0, in.bytes.size());
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(limit).count();
  entry->nport = handle_of(server);
  entry->vp = vp_;
  entry->command_segments = 1;
  entry->response_segments = 1;
  entry->timeout = static_cast<std::uint16_t>(std::clamp<std::int64_t>(seconds, 1, 50));
  entry->response_bytes = static_cast<std::uint32_t>(kCtBytes);
  entry->command_bytes = static_cast<std::uint32_t>(request.size());
  entry->segments[0] = {out.iova.raw, static_cast<std::uint32_t>(request.size())};
  entry->segments[1] = {in.iova.raw, static_cast<std::uint32_t>(kCtBytes)};
  control_.send(*this, slot);
  return {};
}

void Requests::control_answered(std::uint32_t cookie, const wire::Entry* answer) {
  if ((cookie & kLogin) != 0) return user_->login_answered({cookie & 0xffffff}, login_result(answer));
  if ((cookie & kEls) != 0) return els_answered(cookie & ~kEls, answer);
  ct_answered(cookie, answer);
}

void Requests::ct_answered(std::uint32_t slot, const wire::Entry* answer) {
  ct_[slot].used = false;
  const std::uint32_t id = ct_[slot].id;
  if (answer == nullptr) return user_->ct_answered(id, CtStatus::kLinkDown, {});
  const auto& ct = *reinterpret_cast<const wire::CtPassThrough*>(answer);
  CtStatus status = ct_status(static_cast<wire::Completion>(std::uint16_t{ct.completion}));
  if (answer->head.status != 0) status = CtStatus::kFailed;
  std::uint32_t length = ct.response_bytes;
  if (length > kCtBytes) {
    device_.wrong(Count::kWrongLength, "CT reply longer than its buffer", length);
    status = CtStatus::kFailed;
  }
  if (status != CtStatus::kDone) length = 0;
  // Copied: the user may send the next request, into the same buffers, from inside.
  std::memcpy(reply_.data(), memory_.ct_reply(place(slot)).bytes.data(), length);
  user_->ct_answered(id, status, std::span(reply_).first(length));
}

}  // namespace qla
