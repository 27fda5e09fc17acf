// Link services that a port receives: checked, held or passed up or answered, and what they do to logins.
#include "emu/fc/n_port_state.h"

namespace emu::fc {

using hal::fc::CtHeader;
using hal::fc::Els;
using hal::fc::FcpService;
using hal::fc::FrameType;
using hal::fc::LoginPayload;
using hal::fc::LsRjt;
using hal::fc::ProcessLogin;
using hal::fc::ProcessPage;

void NPort::State::request_received(std::uint32_t id, const FrameHeader& header, std::span<const std::byte> payload) {
  const int vp = vp_of(header.d_id);
  if (vp < 0 || payload.size() < sizeof(Els)) return services.drop(id);
  if (header.type == FrameType::kEls) return els(id, static_cast<std::uint8_t>(vp), header, payload);
  auto answer = take<CtHeader>(payload);
  if (!answer) return services.drop(id);
  answer->command = CtHeader::kReject;
  answer->size = 0;
  answer->reason = CtHeader::kCommandNotSupported;
  services.reply(id, bytes_of(*answer));
}

void NPort::State::els(std::uint32_t id, std::uint8_t vp, const FrameHeader& header,
                       std::span<const std::byte> payload) {
  const std::uint8_t command = command_of(payload);
  ++els_in;
  if (command == Els::kFlogi) return flogi_received(id, header, payload);
  const bool plogi = command == Els::kPlogi;
  if (plogi && phase == LinkPhase::kFlogi && n2n_peer.port.raw != 0) point_to_point(n2n_peer);
  if (phase != LinkPhase::kUp) return services.drop(id);
  if (plogi && info.topology == Topology::kPointToPoint && header.d_id != vports[vp].id) {  // gives us our address
    info.id.raw = vports[0].id = header.d_id;
    info.peer.id.raw = header.s_id;
  }
  const Handling handling = settings.els[command];
  if (handling != Handling::kPassUp && !begins_well(id, vp, header, payload)) return;
  if (plogi) {  // ends what was open between the two, whatever becomes of it
    end_exchanges(vp, header.s_id, EndReason::kLoggedOut);
    fcp.bury();
    logins.add(vp, header.s_id).state = LoginState::kPlogiPending;
  }
  if (handling == Handling::kAnswer) return accept(id, vp, header, payload);

  ReceivedEls received;
  received.id = id;
  received.vp = vp;
  received.header = &header;
  received.payload = payload;
  received.from.id.raw = header.s_id;
  if (const Login* const login = logins.find(vp, header.s_id)) received.from = login->port;
  if (const auto login = take<LoginPayload>(payload); login && (plogi || command == Els::kPdisc)) {
    received.from = {PortId{header.s_id}, Wwn{login->port_name}, Wwn{login->node_name}};
  }
  held[id] = {vp, std::vector<std::byte>(payload.begin(), payload.end())};
  user.els_received(received);
}

// Says no by itself to what cannot be right.
bool NPort::State::begins_well(std::uint32_t id, std::uint8_t vp, const FrameHeader& header,
                               std::span<const std::byte> payload) {
  std::size_t least = sizeof(Els);
  bool needs_login = false;
  switch (command_of(payload)) {
    case Els::kPlogi:
    case Els::kPdisc:
      least = sizeof(LoginPayload);
      break;
    case Els::kPrli:
    case Els::kPrlo:
    case Els::kTprlo:
      least = sizeof(ProcessLogin);
      needs_login = true;
      break;
    case Els::kLogo:
      least = sizeof(hal::fc::Logo);
      break;
    case Els::kAdisc:
      least = sizeof(hal::fc::Adisc);
      needs_login = true;
      break;
    case Els::kRec:
    case Els::kRrq:
      least = sizeof(hal::fc::ExchangeQuery);
      break;
    default:
      break;
  }
  if (payload.size() < least) return reject(id, LsRjt::kLogicalError, LsRjt::kInvalidPayloadLength), false;
  const Login* const login = logins.find(vp, header.s_id);
  if (needs_login && (login == nullptr || login->state == LoginState::kPlogiPending)) {
    return reject(id, LsRjt::kUnableToPerform, LsRjt::kLoginRequired), false;
  }
  if (least != sizeof(LoginPayload)) return true;
  const auto parameters = take<LoginPayload>(payload);
  if (parameters->port_name == 0) return reject(id, LsRjt::kLogicalError, LsRjt::kInvalidPortName), false;
  if ((parameters->class3.options & hal::fc::ClassServiceParameters::kValid) == 0) {
    return reject(id, LsRjt::kLogicalError, LsRjt::kServiceParameterOptions), false;
  }
  return true;
}

void NPort::State::reject(std::uint32_t id, std::uint8_t reason, std::uint8_t explanation) {
  ++els_rejected;
  services.reply(id, bytes_of(ls_rjt(reason, explanation)));
}

void NPort::State::accept(std::uint32_t id, std::uint8_t vp, const FrameHeader& header,
                          std::span<const std::byte> payload) {
  const std::uint32_t peer = header.s_id;
  switch (command_of(payload)) {
    case Els::kPlogi:
    case Els::kPdisc:
      services.reply(id, bytes_of(login_payload(Els::kLsAcc, names(vp), settings.frame_size, kPortFeatures)));
      return accepted(vp, peer, payload);
    case Els::kPrli:
      return accept_prli(id, vp, header, payload);
    case Els::kPrlo:
    case Els::kTprlo:
      return accept_prlo(id, vp, header, payload);
    case Els::kLogo:
      services.reply(id, bytes_of(ls_acc()));
      return accepted(vp, peer, payload);
    case Els::kAdisc:
      services.reply(id, bytes_of(adisc(Els::kLsAcc, PortId{vports[vp].id}, names(vp))));
      return;
    case Els::kRscn: {
      services.reply(id, bytes_of(ls_acc()));
      const auto head = take<hal::fc::Rscn>(payload);
      const std::size_t length = std::min<std::size_t>(head->payload_length, payload.size());
      if (length <= sizeof(hal::fc::Rscn)) return;
      const auto pages = payload.subspan(sizeof(hal::fc::Rscn), (length - sizeof(hal::fc::Rscn)) / 4 * 4);
      later.push_back(
          [this, vp, copy = std::vector<std::byte>(pages.begin(), pages.end())] { user.state_changed(vp, copy); });
      return;
    }
    case Els::kRrq:
      services.reply(id, bytes_of(ls_acc()));
      return;
    case Els::kRec:
      return accept_rec(id, header, payload);
    case Els::kRtv: {
      hal::fc::RtvAcc answer;
      answer.resource_allocation_time =
          static_cast<std::uint32_t>(settings.resource_allocation / std::chrono::milliseconds(1));
      answer.error_detect_time = static_cast<std::uint32_t>(settings.error_detect / std::chrono::milliseconds(1));
      services.reply(id, bytes_of(answer));
      return;
    }
    case Els::kRls: {
      hal::fc::RlsAcc answer;
      answer.link_failures = static_cast<std::uint32_t>(link_losses);
      services.reply(id, bytes_of(answer));
      return;
    }
    case Els::kRnid: {
      hal::fc::RnidAcc answer;
      answer.port_name = names(vp).port.raw;
      answer.node_name = names(vp).node.raw;
      services.reply(id, bytes_of(answer));
      return;
    }
    case Els::kEcho: {
      std::vector<std::byte> answer(payload.begin(), payload.end());
      answer[0] = std::byte{Els::kLsAcc};
      services.reply(id, answer);
      return;
    }
    case Els::kTest:
      return services.drop(id);
    default:
      return reject(id, LsRjt::kCommandNotSupported, LsRjt::kRequestNotSupported);
  }
}

void NPort::State::accept_prli(std::uint32_t id, std::uint8_t vp, const FrameHeader& header,
                               std::span<const std::byte> payload) {
  const auto request = take<ProcessLogin>(payload);
  if (request->page.type != FrameType::kFcp || settings.fcp_service == 0) {
    return reject(id, LsRjt::kUnableToPerform, LsRjt::kRequestNotSupported);
  }
  services.reply(id, bytes_of(prli(Els::kLsAcc, settings.fcp_service)));
  accepted(vp, header.s_id, payload);
}

void NPort::State::accept_prlo(std::uint32_t id, std::uint8_t vp, const FrameHeader& header,
                               std::span<const std::byte> payload) {
  const auto request = take<ProcessLogin>(payload);
  services.reply(id, bytes_of(prlo(Els::kLsAcc, request->page.type)));
  accepted(vp, header.s_id, payload);
}

void NPort::State::accept_rec(std::uint32_t id, const FrameHeader& header, std::span<const std::byte> payload) {
  const auto query = take<hal::fc::ExchangeQuery>(payload);
  const FcpExchange* const x = fcp.find_by_wire(header.s_id, query->ox_id, query->rx_id);
  if (x == nullptr) return reject(id, LsRjt::kLogicalError, LsRjt::kInvalidExchange);
  hal::fc::RecAcc answer;
  answer.ox_id = x->ox_id;
  answer.rx_id = x->rx_id;
  answer.originator = x->remote;
  answer.responder = x->local;
  answer.status = hal::fc::RecAcc::kInitiative;
  services.reply(id, bytes_of(answer));
}

void NPort::State::accepted(std::uint8_t vp, std::uint32_t peer, std::span<const std::byte> request) {
  switch (command_of(request)) {
    case Els::kPlogi:
      if (const auto parameters = take<LoginPayload>(request)) {
        logged_in(vp, peer, *parameters);
        if (const Login* const login = logins.find(vp, peer)) login_event(*login, LoginEvent::kPlogi);
      }
      return;
    case Els::kPrli: {
      const auto parameters = take<ProcessLogin>(request);
      Login* const login = logins.find(vp, peer);
      if (!parameters || login == nullptr) return;
      login->state = LoginState::kPrliDone;
      login->service_parameters = parameters->page.parameters;
      login->prli_from_peer = true;
      return login_event(*login, LoginEvent::kPrli);
    }
    case Els::kLogo:
    case Els::kPrlo: {
      const Login* const login = logins.find(vp, peer);
      if (login == nullptr) return;
      const Login copy = *login;
      logged_out(vp, peer, command_of(request) == Els::kLogo);
      return login_event(copy, LoginEvent::kLoggedOut);
    }
    case Els::kTprlo: {
      const auto parameters = take<ProcessLogin>(request);
      if (!parameters) return;
      const std::uint16_t flags = parameters->page.flags;
      const std::uint32_t third = parameters->page.parameters & 0xffffff;
      std::vector<Login> hit;
      logins.for_each([&](const Login& login) {
        const bool meant = (flags & ProcessPage::kGlobal) != 0 ||
                           ((flags & ProcessPage::kThirdPartyPortValid) != 0 && login.port.id.raw == third);
        if (login.vp == vp && meant && login.state == LoginState::kPrliDone) hit.push_back(login);
      });
      for (const Login& login : hit) {
        logged_out(vp, login.port.id.raw, false);
        login_event(login, LoginEvent::kLoggedOut);
      }
      return;
    }
    default:
      return;
  }
}

}  // namespace emu::fc
