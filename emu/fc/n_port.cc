// The N_Port engine's poll loop and its way in: frames to their part, down-calls to theirs.
#include "emu/fc/n_port.h"

#include <algorithm>
#include <utility>

#include "emu/fc/n_port_state.h"

namespace emu::fc {

using hal::fc::FrameType;
using hal::fc::RCtl;

namespace {
constexpr unsigned kFramesPerPoll = 64;
constexpr std::uint32_t kBroadcast = 0xffffff, kFPort = 0xfffffe;
constexpr base::Duration kExpireEvery = std::chrono::milliseconds(10);
}  // namespace

NPort::State::State(Wire& wire_end, const NPortSettings& given, NPortUser& with)
    : wire(wire_end),
      settings(given),
      user(with),
      services(wire_end, *this),
      fcp(wire_end, settings, with, services, logins, *this),
      loop(wire_end) {}

// --- poll

bool NPort::State::poll(base::Time time) {
  now = time;
  link_poll();
  bool moved = fcp.poll(now);
  if (now >= next_expiry) {
    next_expiry = now + kExpireEvery;
    services.expire(now);
    std::erase_if(held, [this](const auto& item) { return services.header_of(item.first) == nullptr; });
  }
  moved |= !later.empty();
  drain();
  if (phase == LinkPhase::kOff || phase == LinkPhase::kDark) return moved;
  for (unsigned i = 0; i < kFramesPerPoll && !loop.congested(); ++i) {
    const auto received = wire.receive();
    if (!received) break;
    frame(*received);
    drain();
    moved = true;
  }
  fcp.bury();
  moved |= loop.poll(now);
  if (!services.transmit()) fcp.transmit();
  return moved;
}

void NPort::State::drain() {
  while (!later.empty()) {
    const std::function<void()> call = std::move(later.front());
    later.pop_front();
    call();
  }
}

void NPort::State::frame(std::span<const std::byte> bytes) {
  if (bytes.size() == 4) {
    if (settings.connection != Connection::kPointToPoint && loop.ordered_set(bytes)) lip();
    return;
  }
  const auto header = take<FrameHeader>(bytes);
  if (!header || bytes.size() % 4 != 0) {
    ++bad_frames;
    return;
  }
  const auto payload = bytes.subspan(sizeof(FrameHeader));
  if (LoopPort::is_initialization(*header, payload)) {
    if (settings.connection != Connection::kPointToPoint) loop.initialization_frame(bytes);
    return;
  }
  const int vp = vp_of(header->d_id);
  if (vp < 0) {
    if (loop.ready() && header->s_id != info.id.raw) return loop.pass_on(bytes);
    ++not_ours;
    return;
  }
  if (header->type == FrameType::kFcp && header->r_ctl < 0x10) {
    if (phase == LinkPhase::kUp) fcp.frame_received(static_cast<std::uint8_t>(vp), *header, payload);
  } else if (header->type == FrameType::kEls || header->type == FrameType::kCt) {
    services.frame_received(*header, payload);
  } else if (header->type == FrameType::kBasicLinkService) {
    basic_link_service(static_cast<std::uint8_t>(vp), *header);
  } else {
    ++bad_frames;
  }
}

int NPort::State::vp_of(std::uint32_t d_id) const {
  if (d_id == vports[0].id) return 0;
  for (unsigned vp = 1; vp <= top_vp; ++vp) {
    if (vports[vp].up && vports[vp].id == d_id) return static_cast<int>(vp);
  }
  // While addresses are not settled: answers to FLOGI carry the new one, a PLOGI between two ports gives it.
  const bool settling = phase == LinkPhase::kFlogi || info.topology == Topology::kPointToPoint;
  for (const VirtualPort& port : vports) {
    if (port.asked) return 0;
  }
  return settling || d_id == kBroadcast || d_id == kFPort ? 0 : -1;
}

void NPort::State::basic_link_service(std::uint8_t vp, const FrameHeader& header) {
  if (phase != LinkPhase::kUp) return;
  if (header.r_ctl == RCtl::kAbts) return fcp.abts_received(vp, header);
  if (header.r_ctl == RCtl::kBaAcc || header.r_ctl == RCtl::kBaRjt) {
    return fcp.abts_answered(header, header.r_ctl == RCtl::kBaAcc);
  }
  ++bad_frames;
}

void NPort::State::unknown_initiator(std::uint8_t vp, std::uint32_t id) {
  for (const auto& [context, out] : sent) {  // one LOGO at a time
    if (out.purpose == Purpose::kSilent && out.request.to.raw == id) return;
  }
  const Request to{0, vp, PortId{id}, {}};
  send_els(to, bytes_of(logo(PortId{vports[vp].id}, names(vp).port)), Purpose::kSilent);
}

void NPort::State::recover_qualifier(const FcpExchange& exchange) {
  hal::fc::ExchangeQuery query;
  query.command = hal::fc::Els::kRrq;
  query.originator = exchange.local;
  query.ox_id = exchange.ox_id;
  query.rx_id = exchange.rx_id;
  send_els({0, exchange.vp, PortId{exchange.remote}, {}}, bytes_of(query), Purpose::kSilent);
}

// Everything that lives on a link ends with it. `tell` false: nobody hears of it.
void NPort::State::clear(bool tell) {
  if (tell) {
    fcp.doom([](const FcpExchange&) { return true; }, EndReason::kLinkDown);
    fcp.bury();
  } else {
    fcp.clear();
  }
  services.clear(tell);
  sent.clear();
  held.clear();
  if (!tell) later.clear();
  logins.remove_if([](const Login&) { return true; });
  info = {};
  for (VirtualPort& port : vports) {
    port.up = port.asked = false;
    port.id = 0;
  }
}

// --- NPort

NPort::NPort(Wire& wire, const NPortSettings& settings, NPortUser& user)
    : state_(std::make_unique<State>(wire, settings, user)) {}
NPort::~NPort() = default;
bool NPort::poll(base::Time now) { return state_->poll(now); }

void NPort::start() {
  State& s = *state_;
  s.started = true;
  s.fcp.resize();
  s.services.set_frame_size(s.settings.frame_size);
  s.vports[0].wanted = true;
  s.vports[0].names = {s.settings.port_name, s.settings.node_name};
  s.loop.set(s.settings.port_name, s.settings.hard_address);
  s.wire.light(true);
}

void NPort::stop() {
  State& s = *state_;
  s.started = false;
  s.phase = LinkPhase::kOff;
  s.wire.light(false);
  s.loop.stop();
  s.clear(false);
}

void NPort::bounce(base::Duration dark) {
  State& s = *state_;
  if (!s.started) return;
  s.wire.light(false);
  s.at = s.now + dark;
  s.bouncing = true;  // link_poll() sees that the light is gone
}

const LinkInfo* NPort::link() const { return state_->phase == LinkPhase::kUp ? &state_->info : nullptr; }
bool NPort::logging_in_to_loop() const {
  return std::any_of(state_->sent.begin(), state_->sent.end(), [](const auto& item) {
    return item.second.purpose == Purpose::kLoopPlogi || item.second.purpose == Purpose::kLoopPrli;
  });
}
const NPortSettings& NPort::settings() const { return state_->settings; }
NPortSettings& NPort::settings() { return state_->settings; }
PortId NPort::id_of(std::uint8_t vp) const { return PortId{vp < 64 ? state_->vports[vp].id : 0}; }

void NPort::add_virtual_port(std::uint8_t vp, Wwn port_name, Wwn node_name) {
  if (vp == 0 || vp >= state_->vports.size()) return;
  VirtualPort& port = state_->vports[vp];
  port.names = {port_name, node_name};
  port.wanted = true;
  state_->top_vp = std::max(state_->top_vp, vp);
}

void NPort::remove_virtual_port(std::uint8_t vp) {
  if (vp == 0 || vp >= state_->vports.size()) return;
  VirtualPort& port = state_->vports[vp];
  if (port.up) {
    const Request to{0, vp, hal::fc::kFabricPort, {}};
    state_->send_els(to, bytes_of(logo(PortId{port.id}, port.names.port)), Purpose::kSilent);
  }
  state_->fcp.doom([vp](const FcpExchange& x) { return x.vp == vp; }, EndReason::kLoggedOut);
  state_->logins.remove_if([vp](const Login& login) { return login.vp == vp; });
  state_->give_up_requests(vp);
  port = {};
}

const Login* NPort::find_login(std::uint8_t vp, PortId id) const { return state_->logins.find(vp, id.raw); }
const Login* NPort::find_login(std::uint8_t vp, Wwn port_name) const { return state_->logins.find_name(vp, port_name); }

std::vector<Login> NPort::logins() const {
  std::vector<Login> all;
  state_->logins.for_each([&all](const Login& login) { all.push_back(login); });
  return all;
}

void NPort::log_in(const Request& request, LoginRequest what) { state_->log_in(request, what); }

void NPort::implicit_logout(std::uint8_t vp, PortId id) {
  state_->end_exchanges(vp, id.raw, EndReason::kLoggedOut);
  state_->logins.remove(vp, id.raw);
}

void NPort::send_els(const Request& request, std::span<const std::byte> payload) {
  state_->send_els(request, payload, Purpose::kUser);
}

void NPort::send_ct(const Request& request, std::span<const std::byte> payload) {
  const Login* const login = find_login(request.vp, request.to);
  if (login == nullptr || login->state == LoginState::kPlogiPending) {
    return state_->answer_later(request.tag, RequestStatus::kNotLoggedIn);
  }
  state_->request(request, FrameType::kCt, Purpose::kUserCt, payload);
}

void NPort::answer(std::uint32_t els, bool accept, std::uint8_t reason, std::uint8_t explanation) {
  const FrameHeader* const header = state_->services.header_of(els);
  const auto found = state_->held.find(els);
  if (header == nullptr || found == state_->held.end()) return;
  const State::HeldEls held = std::move(found->second);
  state_->held.erase(found);
  if (accept) return state_->accept(els, held.vp, FrameHeader(*header), held.payload);
  if (command_of(held.payload) == hal::fc::Els::kPlogi) state_->logins.remove(held.vp, header->s_id);
  state_->reject(els, reason, explanation);
}

void NPort::reply(std::uint32_t els, std::span<const std::byte> payload) {
  const FrameHeader* const header = state_->services.header_of(els);
  if (header == nullptr) return;
  const std::uint32_t peer = header->s_id;
  state_->services.reply(els, payload);
  const auto found = state_->held.find(els);
  if (found == state_->held.end()) return;
  const State::HeldEls held = std::move(found->second);
  state_->held.erase(found);
  if (command_of(payload) == hal::fc::Els::kLsAcc) return state_->accepted(held.vp, peer, held.payload);
  if (command_of(held.payload) == hal::fc::Els::kPlogi) state_->logins.remove(held.vp, peer);
}

std::pair<StartStatus, ExchangeId> NPort::start_command(const Command& command) {
  const State& s = *state_;
  if (s.phase != LinkPhase::kUp || command.vp >= s.vports.size() || s.vports[command.vp].id == 0) {
    return {StartStatus::kLinkDown, kNoExchange};
  }
  const Login* const login = find_login(command.vp, command.to);
  if (login == nullptr || login->state == LoginState::kPlogiPending) return {StartStatus::kNotLoggedIn, kNoExchange};
  return state_->fcp.start_command(command, s.vports[command.vp].id, *login);
}

bool NPort::abort(ExchangeId id, std::uint32_t tag, bool wire) { return state_->fcp.abort(id, tag, wire); }

StepStatus NPort::send_data(ExchangeId id, const DataStep& step) {
  FcpStep s;
  s.kind = FcpStep::Kind::kDataIn;
  s.tag = step.tag;
  s.offset = step.offset;
  s.length = step.length;
  s.response = step.response;
  return state_->fcp.step(id, s);
}

StepStatus NPort::receive_data(ExchangeId id, const DataStep& step) {
  FcpStep s;
  s.kind = FcpStep::Kind::kDataOut;
  s.tag = step.tag;
  s.offset = step.offset;
  s.length = step.length;
  s.limit = step.limit;
  return state_->fcp.step(id, s);
}

StepStatus NPort::send_response(ExchangeId id, std::uint32_t tag, std::uint32_t length) {
  FcpStep s;
  s.kind = FcpStep::Kind::kResponse;
  s.tag = tag;
  s.length = std::min<std::uint32_t>(length, state_->settings.frame_size);
  return state_->fcp.step(id, s);
}

StepStatus NPort::terminate(ExchangeId id, std::uint32_t tag, bool wire) {
  FcpStep s;
  s.kind = FcpStep::Kind::kTerminate;
  s.tag = tag;
  s.wire = wire;
  return state_->fcp.step(id, s);
}

void NPort::send_bare_response(std::uint8_t vp, PortId to, std::uint16_t ox_id, std::span<const std::byte> rsp) {
  FrameHeader header;
  header.r_ctl = RCtl::kFcpRsp;
  header.d_id = to.raw;
  header.s_id = id_of(vp).raw;
  header.type = FrameType::kFcp;
  header.f_ctl = FrameHeader::ExchangeResponder::of(true) | FrameHeader::LastSequence::of(true);
  header.ox_id = ox_id;
  header.rx_id = hal::fc::kNoExchangeId;
  state_->services.send_frame(header, rsp);
}

void NPort::answer_abort(std::uint32_t abort, bool accept, std::span<const std::byte> reply, bool terminate) {
  state_->fcp.answer_abort(abort, accept, reply, terminate);
}

std::uint32_t NPort::initiator_of(ExchangeId id) const {
  const FcpExchange* const x = state_->fcp.find(id);
  return x != nullptr && !x->originator ? x->remote : 0;
}

std::uint16_t NPort::ox_id_of(ExchangeId id) const {
  const FcpExchange* const x = state_->fcp.find(id);
  return x != nullptr ? x->ox_id : hal::fc::kNoExchangeId;
}

std::vector<std::pair<std::string, std::uint64_t>> NPort::counters() const {
  const FcpCounters& c = state_->fcp.counters();
  return {{"commands_out", c.commands_out},
          {"commands_in", c.commands_in},
          {"data_frames_out", c.data_frames_out},
          {"data_frames_in", c.data_frames_in},
          {"responses", c.responses},
          {"aborts_out", c.aborts_out},
          {"aborts_in", c.aborts_in},
          {"stray_frames", c.strays},
          {"bad_fcp_frames", c.bad},
          {"no_exchange", c.no_exchange},
          {"exchanges_rested", c.resting},
          {"bad_frames", state_->bad_frames},
          {"frames_not_ours", state_->not_ours},
          {"els_in", state_->els_in},
          {"els_rejected", state_->els_rejected},
          {"link_losses", state_->link_losses}};
}

}  // namespace emu::fc
