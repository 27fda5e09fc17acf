// Link services and CT requests that a port sends, and what their answers do to logins.
#include <utility>

#include "emu/fc/n_port_state.h"

namespace emu::fc {

using hal::fc::Els;
using hal::fc::FrameType;
using hal::fc::LoginPayload;
using hal::fc::ProcessLogin;
using hal::fc::ProcessPage;

namespace {
constexpr std::uint16_t kLeastReceiveSize = 256;
bool asked_by_user(Purpose purpose) {
  return purpose == Purpose::kUser || purpose == Purpose::kUserCt || purpose == Purpose::kLogin ||
         purpose == Purpose::kLoginPrli;
}

}  // namespace

void NPort::State::answer_later(std::uint32_t tag, RequestStatus status) {
  later.push_back([this, tag, status] { user.request_answered(tag, status, {}); });
}

void NPort::State::login_event(const Login& login, LoginEvent event) {
  later.push_back([this, copy = login, event] { user.login_changed(copy, event); });
}

void NPort::State::end_exchanges(std::uint8_t vp, std::uint32_t peer, EndReason reason) {
  fcp.doom([vp, peer](const FcpExchange& x) { return x.vp == vp && x.remote == peer; }, reason);
}

// --- requests

void NPort::State::log_in(const Request& to, LoginRequest what) {
  const Login* const login = logins.find(to.vp, to.to.raw);
  const bool known = login != nullptr && login->state != LoginState::kPlogiPending;
  const LoginNames own = names(to.vp);
  std::vector<std::byte> payload;
  const auto put = [&payload](const auto& value) {
    const auto bytes = bytes_of(value);
    payload.assign(bytes.begin(), bytes.end());
  };
  switch (what) {
    case LoginRequest::kPlogi:
    case LoginRequest::kPlogiPrli:
      put(login_payload(Els::kPlogi, own, settings.frame_size, kPortFeatures));
      break;
    case LoginRequest::kPdisc:
      put(login_payload(Els::kPdisc, own, settings.frame_size, kPortFeatures));
      break;
    case LoginRequest::kPrli:
      put(prli(Els::kPrli, settings.fcp_service));
      break;
    case LoginRequest::kPrlo:
      put(prlo(Els::kPrlo, FrameType::kFcp));
      break;
    case LoginRequest::kTprlo: {
      ProcessLogin all = prlo(Els::kTprlo, FrameType::kFcp);
      all.page.flags = ProcessPage::kGlobal;
      put(all);
      break;
    }
    case LoginRequest::kLogo:
      put(logo(PortId{vports[to.vp].id}, own.port));
      break;
    case LoginRequest::kAdisc:
      put(adisc(Els::kAdisc, PortId{vports[to.vp].id}, own));
      break;
  }
  const bool needs_login = what == LoginRequest::kPrli || what == LoginRequest::kPrlo || what == LoginRequest::kTprlo ||
                           what == LoginRequest::kAdisc || what == LoginRequest::kPdisc;
  if (phase == LinkPhase::kUp && needs_login && !known) return answer_later(to.tag, RequestStatus::kNotLoggedIn);
  send_els(to, payload, what == LoginRequest::kPlogiPrli ? Purpose::kLogin : Purpose::kUser);
}

void NPort::State::send_els(const Request& to, std::span<const std::byte> payload, Purpose purpose) {
  if (phase != LinkPhase::kUp || to.vp >= vports.size() || payload.size() < sizeof(Els)) {
    if (purpose != Purpose::kSilent) answer_later(to.tag, RequestStatus::kLinkDown);
    return;
  }
  const std::uint8_t command = command_of(payload);
  if (command == Els::kPlogi || command == Els::kLogo) end_exchanges(to.vp, to.to.raw, EndReason::kLoggedOut);
  if (command == Els::kPlogi) logins.add(to.vp, to.to.raw).state = LoginState::kPlogiPending;
  if (Login* const login = logins.find(to.vp, to.to.raw)) {
    if (command == Els::kLogo) login->state = LoginState::kLogoPending;
    if (command == Els::kPrli && login->state != LoginState::kPrliDone) login->state = LoginState::kPrliPending;
  }
  request(to, FrameType::kEls, purpose, payload);
}

void NPort::State::request(const Request& to, std::uint8_t type, Purpose purpose, std::span<const std::byte> payload) {
  const std::uint64_t context = next_context++;
  const base::Duration limit = to.limit > base::Duration::zero() ? to.limit : 2 * settings.resource_allocation;
  const std::uint32_t from = vports[to.vp].id;
  if (!services.request(context, type, from, to.to.raw, payload, now + limit)) {
    if (purpose != Purpose::kSilent) answer_later(to.tag, RequestStatus::kNoResources);
    return;
  }
  sent[context] = {purpose, to, std::vector<std::byte>(payload.begin(), payload.end())};
}

void NPort::State::give_up_requests(std::uint8_t vp) {
  for (auto each = sent.begin(); each != sent.end();) {
    if (each->second.request.vp == vp && asked_by_user(each->second.purpose)) {
      answer_later(each->second.request.tag, RequestStatus::kLinkDown);
      each = sent.erase(each);
    } else {
      ++each;
    }
  }
}

// --- answers

void NPort::State::request_ended(std::uint64_t context, RequestStatus status, const FrameHeader* header,
                                 std::span<const std::byte> payload) {
  const auto found = sent.find(context);
  if (found == sent.end()) return;
  const Sent done = std::move(found->second);
  sent.erase(found);
  const bool is_els = done.purpose != Purpose::kUserCt;
  if (is_els && status == RequestStatus::kAccepted && command_of(payload) != Els::kLsAcc) {
    status = RequestStatus::kRejected;
  }
  if (done.purpose == Purpose::kFlogi) return flogi_answered(status, header, payload);
  if (done.purpose == Purpose::kFdisc) return fdisc_answered(done.request.vp, status, header, payload);
  if (is_els && phase == LinkPhase::kUp) {
    follow(done.request.vp, done.request.to.raw, done.payload,
           status == RequestStatus::kAccepted ? payload : payload.first(0));
  }
  const bool again = status == RequestStatus::kAccepted && command_of(done.payload) == Els::kPlogi;
  const ProcessLogin process = prli(Els::kPrli, settings.fcp_service);
  switch (done.purpose) {
    case Purpose::kSilent:
      return;
    case Purpose::kLogin:
    case Purpose::kLoopPlogi:
      if (again) {
        const bool loop_login = done.purpose == Purpose::kLoopPlogi;
        return send_els(done.request, bytes_of(process), loop_login ? Purpose::kLoopPrli : Purpose::kLoginPrli);
      }
      if (done.purpose == Purpose::kLoopPlogi) return;
      break;
    case Purpose::kLoopPrli:
      if (const Login* const login = logins.find(0, done.request.to.raw); login != nullptr && phase == LinkPhase::kUp) {
        login_event(*login, LoginEvent::kPrli);
      }
      return;
    default:
      break;
  }
  user.request_answered(done.request.tag, status, payload);
}

void NPort::State::follow(std::uint8_t vp, std::uint32_t peer, std::span<const std::byte> request,
                          std::span<const std::byte> answer) {
  Login* const login = logins.find(vp, peer);
  switch (command_of(request)) {
    case Els::kPlogi:
      if (const auto parameters = take<LoginPayload>(answer)) return logged_in(vp, peer, *parameters);
      if (login != nullptr && login->state == LoginState::kPlogiPending) logins.remove(vp, peer);
      return;
    case Els::kPrli: {
      const auto parameters = take<ProcessLogin>(answer);
      if (login == nullptr) return;
      if (!parameters || ProcessPage::ResponseCode::get(parameters->page.flags) != ProcessPage::kExecuted) {
        if (login->state == LoginState::kPrliPending) login->state = LoginState::kPlogiDone;
        return;
      }
      login->state = LoginState::kPrliDone;
      login->service_parameters = parameters->page.parameters;
      return;
    }
    case Els::kLogo:  // also when it was not answered
      if (login != nullptr && login->state == LoginState::kLogoPending) logged_out(vp, peer, true);
      return;
    case Els::kPrlo:
      return logged_out(vp, peer, false);
    default:
      return;
  }
}

void NPort::State::logged_in(std::uint8_t vp, std::uint32_t peer, const LoginPayload& parameters) {
  const Wwn name{parameters.port_name};
  if (const Login* const old = logins.find_name(vp, name); old != nullptr && old->port.id.raw != peer) {
    const std::uint32_t id = old->port.id.raw;  // the port has a new address
    logged_out(vp, id, true);
  }
  Login& login = logins.add(vp, peer);
  login.port.port_name = name;
  login.port.node_name = Wwn{parameters.node_name};
  login.state = LoginState::kPlogiDone;
  login.service_parameters = 0;
  login.prli_from_peer = false;
  const auto size = static_cast<std::uint16_t>(parameters.class3.receive_size & 0xffc);
  login.receive_size = std::max(size, kLeastReceiveSize);
}

void NPort::State::logged_out(std::uint8_t vp, std::uint32_t peer, bool port) {
  end_exchanges(vp, peer, EndReason::kLoggedOut);
  if (port) return logins.remove(vp, peer);
  if (Login* const login = logins.find(vp, peer)) {
    login->state = LoginState::kPlogiDone;
    login->service_parameters = 0;
  }
}

}  // namespace emu::fc
