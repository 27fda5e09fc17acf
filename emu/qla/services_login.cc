// Login and logout entries (type 52).
#include <fmt/format.h>

#include <cstring>

#include "emu/qla/services.h"

namespace emu::qla {
namespace {

constexpr std::uint32_t kServiceBits = hal::fc::FcpService::kTarget | hal::fc::FcpService::kInitiator |
                                       hal::fc::FcpService::kConfirmedCompletion | hal::fc::FcpService::kRetry;
constexpr std::uint32_t kClass3 = 0x8000;  // any but 0: the port speaks class 3

std::optional<fc::LoginRequest> request_of(std::uint16_t operation, bool with_prli) {
  switch (operation) {
    case wire::kLogPlogi:
      return with_prli ? fc::LoginRequest::kPlogiPrli : fc::LoginRequest::kPlogi;
    case wire::kLogPrli:
      return fc::LoginRequest::kPrli;
    case wire::kLogPdisc:
      return fc::LoginRequest::kPdisc;
    case wire::kLogAdisc:
      return fc::LoginRequest::kAdisc;
    case wire::kLogLogo:
      return fc::LoginRequest::kLogo;
    case wire::kLogPrlo:
      return fc::LoginRequest::kPrlo;
    case wire::kLogTprlo:
      return fc::LoginRequest::kTprlo;
    default:
      return std::nullopt;
  }
}

}  // namespace

void Services::log_io(const Request& request) {
  const auto entry = request.as<wire::LogIo>();
  const std::uint16_t operation = wire::LogIo::Operation::get(entry.flags);
  if (!request_of(operation, false)) {
    core_.host.fault(fmt::format("login entry: operation {:x}", operation));
    return fail_log_io(request.origin, entry, wire::LogIoError::kBadParameter);
  }
  return operation >= wire::kLogLogo ? log_out(request, entry) : log_in(request, entry);
}

void Services::fail_log_io(const Origin& origin, wire::LogIo entry, wire::LogIoError error, std::uint32_t detail) {
  entry.completion = static_cast<std::uint16_t>(wire::Completion::kIocbError);
  entry.io[0] = static_cast<std::uint32_t>(error);
  entry.io[1] = detail;
  core_.answer(origin, entry);
}

void Services::finish_log_io(const Origin& origin, wire::LogIo entry, const fc::Login* login) {
  entry.completion = static_cast<std::uint16_t>(wire::Completion::kOk);
  entry.io.fill(0);
  if (login != nullptr) {
    entry.io[0] = login->service_parameters & kServiceBits;
    entry.io[9] = kClass3;
  }
  core_.answer(origin, entry);
}

// The handle is the host's choice, but one handle is one port, and one port has one handle.
bool Services::claim(const Request& request, const wire::LogIo& entry) {
  const PortId id{entry.port_id};
  if (entry.nport >= Handles::kCount) {
    core_.host.fault(fmt::format("login entry: handle {:x}", std::uint16_t{entry.nport}));
    fail_log_io(request.origin, entry, wire::LogIoError::kBadParameter);
    return false;
  }
  const Handles::Port* port = core_.handles.find(entry.nport, entry.vp);
  if (port != nullptr && (port->id != id || port->vp != entry.vp)) {
    // A handle whose port is logged out may be given to another.
    if (core_.port.find_login(port->vp, port->id) != nullptr) {
      fail_log_io(request.origin, entry, wire::LogIoError::kHandleUsed, port->id.raw);
      return false;
    }
    core_.handles.release(entry.nport, entry.vp);
  }
  if (const auto other = core_.handles.find(entry.vp, id); other && *other != entry.nport) {
    if (core_.port.find_login(entry.vp, id) != nullptr) {
      fail_log_io(request.origin, entry, wire::LogIoError::kPortIdUsed, *other);
      return false;
    }
    core_.handles.release(*other, entry.vp);
  }
  core_.handles.assign(entry.nport, entry.vp, id);
  return true;
}

void Services::log_in(const Request& request, wire::LogIo entry) {
  const std::uint16_t operation = wire::LogIo::Operation::get(entry.flags), flags = entry.flags;
  if (core_.port.link() == nullptr) return fail_log_io(request.origin, entry, wire::LogIoError::kNoLink);
  const PortId id{entry.port_id};
  if (operation == wire::kLogPlogi) {
    if (!claim(request, entry)) return;
    const fc::Login* login = core_.port.find_login(entry.vp, id);
    const bool prli = !wire::LogIo::SkipPrli::get(flags);
    if (wire::LogIo::Conditional::get(flags) && login != nullptr) {
      if (login->state == fc::LoginState::kPrliDone || (!prli && login->state == fc::LoginState::kPlogiDone))
        return finish_log_io(request.origin, entry, login);
    }
  } else {
    const Handles::Port* port = core_.handles.find(entry.nport, entry.vp);
    if (port == nullptr || port->id != id) return fail_log_io(request.origin, entry, wire::LogIoError::kNotLoggedIn);
  }
  const auto tag = keep(Kind::kLogIo, request);
  if (!tag) return;
  core_.port.log_in({.tag = *tag, .vp = entry.vp, .to = id, .limit = {}},
                    *request_of(operation, !wire::LogIo::SkipPrli::get(flags)));
}

void Services::log_out(const Request& request, wire::LogIo entry) {
  const std::uint16_t operation = wire::LogIo::Operation::get(entry.flags), flags = entry.flags;
  const Handles::Port* known = core_.handles.find(entry.nport, entry.vp);
  if (wire::LogIo::ImplicitAll::get(flags) && operation == wire::kLogLogo) {
    for (const fc::Login& login : core_.port.logins())
      if (login.vp == entry.vp) core_.port.implicit_logout(login.vp, login.port.id);
    return finish_log_io(request.origin, entry, nullptr);
  }
  if (known == nullptr) return fail_log_io(request.origin, entry, wire::LogIoError::kNoSuchPort);
  const Handles::Port port = *known;
  if (wire::LogIo::Implicit::get(flags)) {
    core_.port.implicit_logout(port.vp, port.id);
    if (wire::LogIo::FreeHandle::get(flags)) core_.handles.release(entry.nport, entry.vp);
    return finish_log_io(request.origin, entry, nullptr);
  }
  const auto tag = keep(Kind::kLogIo, request);
  if (!tag) return;
  core_.port.log_in({.tag = *tag, .vp = port.vp, .to = port.id, .limit = {}}, *request_of(operation, false));
}

void Services::log_io_answered(Pending& pending, fc::RequestStatus status, std::span<const std::byte> payload) {
  const auto entry = std::bit_cast<wire::LogIo>(pending.entry);
  const bool out = wire::LogIo::Operation::get(entry.flags) >= wire::kLogLogo;
  if (out && wire::LogIo::FreeHandle::get(entry.flags)) core_.handles.release(entry.nport, entry.vp);
  switch (status) {
    case fc::RequestStatus::kAccepted:
      return finish_log_io(pending.origin, entry, core_.port.find_login(entry.vp, PortId{entry.port_id}));
    case fc::RequestStatus::kRejected: {
      hal::fc::LsRjt reject;
      if (payload.size() >= sizeof reject) std::memcpy(static_cast<void*>(&reject), payload.data(), sizeof reject);
      const std::uint32_t why = std::uint32_t{reject.reason} << 16 | std::uint32_t{reject.explanation} << 8;
      return fail_log_io(pending.origin, entry, wire::LogIoError::kRejected, why);
    }
    case fc::RequestStatus::kTimeout:
      return fail_log_io(pending.origin, entry, wire::LogIoError::kFailed);
    case fc::RequestStatus::kLinkDown:
      return fail_log_io(pending.origin, entry, wire::LogIoError::kNoLink);
    case fc::RequestStatus::kNotLoggedIn:
      return fail_log_io(pending.origin, entry, wire::LogIoError::kNotLoggedIn);
    case fc::RequestStatus::kNoResources:
      return fail_log_io(pending.origin, entry, wire::LogIoError::kNoExchange);
  }
}

}  // namespace emu::qla
