// Bring-up of a port's link: loop initialisation, FLOGI to a fabric or to another N_Port, FDISC for virtual ports.
#include "emu/fc/n_port_state.h"

namespace emu::fc {

using hal::fc::CommonServiceParameters;
using hal::fc::Els;
using hal::fc::LoginPayload;

namespace {
constexpr base::Duration kFlogiAgain = std::chrono::milliseconds(500);
constexpr std::uint32_t kPointToPointLarger = 1,
                        kPointToPointSmaller = 2;  // addresses, FC-LS-3 6.2.2.4 leaves them open
}  // namespace

void NPort::State::link_poll() {
  if (!started) return;
  const bool lit = wire.up();
  if (!lit && (phase != LinkPhase::kOff || bouncing) && phase != LinkPhase::kDark) {
    loop.stop();
    down();
    phase = bouncing ? LinkPhase::kDark : LinkPhase::kOff;
    bouncing = false;
  }
  switch (phase) {
    case LinkPhase::kDark:
      if (now < at) return;
      phase = LinkPhase::kOff;
      return wire.light(true);
    case LinkPhase::kOff:
      if (lit) begin();
      return;
    case LinkPhase::kLoop:
      if (loop.ready()) return loop_ready();
      if (settings.connection != Connection::kLoopPreferred || !loop.alone(now)) return;
      loop.stop();
      phase = LinkPhase::kFlogi;
      return;
    case LinkPhase::kFlogi:
      if (!flogi_out && now >= at) send_flogi();
      return;
    case LinkPhase::kUp:
      for (std::uint8_t vp = 1; vp <= top_vp; ++vp) {
        if (vports[vp].wanted && !vports[vp].up && !vports[vp].asked && info.npiv && now >= at) send_fdisc(vp);
      }
      return;
  }
}

void NPort::State::begin() {
  flogi_out = false;
  flogi_tries = 0;
  n2n_peer = {};
  at = now;
  if (settings.connection == Connection::kPointToPoint) {
    phase = LinkPhase::kFlogi;
    return send_flogi();
  }
  phase = LinkPhase::kLoop;
  loop.begin(now);
  user.loop_initializing();
}

void NPort::State::lip() {
  down();
  phase = LinkPhase::kLoop;
  user.loop_initializing();
}

void NPort::State::up() {
  phase = LinkPhase::kUp;
  at = now;
  user.link_up(info);
  if (info.topology != Topology::kPrivateLoop || !settings.log_in_to_loop) return;
  for (const std::uint8_t al_pa : info.al_pa) {
    if (al_pa == info.id.raw) continue;
    Login& login = logins.add(0, al_pa);
    login.state = LoginState::kPlogiPending;
    const LoginPayload payload = login_payload(Els::kPlogi, names(0), settings.frame_size, kPortFeatures);
    send_els({0, 0, PortId{al_pa}, {}}, bytes_of(payload), Purpose::kLoopPlogi);
  }
}

void NPort::State::down() {
  const bool was_up = phase == LinkPhase::kUp;
  phase = LinkPhase::kOff;
  flogi_out = false;
  clear(true);
  if (!was_up) return;
  ++link_losses;
  user.link_down();
}

// --- FLOGI

void NPort::State::send_flogi() {
  flogi_out = true;
  ++flogi_tries;
  const LoginPayload payload =
      login_payload(Els::kFlogi, names(0), settings.frame_size, CommonServiceParameters::kMultipleNPortIds);
  request({0, 0, hal::fc::kFabricPort, settings.error_detect}, hal::fc::FrameType::kEls, Purpose::kFlogi,
          bytes_of(payload));
}

void NPort::State::flogi_answered(RequestStatus status, const FrameHeader* header, std::span<const std::byte> payload) {
  flogi_out = false;
  if (phase != LinkPhase::kFlogi) return;
  const auto parameters = take<LoginPayload>(payload);
  if (status != RequestStatus::kAccepted || header == nullptr || !parameters) {
    at = now + kFlogiAgain;
    return;
  }
  if ((parameters->common.features & CommonServiceParameters::kFPort) != 0) {
    return fabric_found(header->d_id, *parameters);
  }
  point_to_point({Wwn{parameters->port_name}, Wwn{parameters->node_name}});
}

void NPort::State::flogi_received(std::uint32_t id, const FrameHeader&, std::span<const std::byte> payload) {
  if (phase == LinkPhase::kLoop) {
    if (settings.connection != Connection::kLoopPreferred || !loop.unanswered()) return services.drop(id);
    loop.stop();  // who speaks before any loop is there has none
    phase = LinkPhase::kFlogi;
  }
  const auto parameters = take<LoginPayload>(payload);
  const bool to_fabric = phase == LinkPhase::kUp && info.topology != Topology::kPointToPoint;
  if (!parameters || to_fabric) {
    return reject(id, hal::fc::LsRjt::kUnableToPerform, hal::fc::LsRjt::kRequestNotSupported);
  }
  n2n_peer = {Wwn{parameters->port_name}, Wwn{parameters->node_name}};
  services.reply(id, bytes_of(login_payload(Els::kLsAcc, names(0), settings.frame_size, kPortFeatures)));
}

// Two N_Ports: the one with the larger name gives the addresses.
void NPort::State::point_to_point(const LoginNames& peer) {
  const bool larger = names(0).port > peer.port;
  info.topology = Topology::kPointToPoint;
  info.id.raw = vports[0].id = larger ? kPointToPointLarger : kPointToPointSmaller;
  info.peer = {PortId{larger ? kPointToPointSmaller : kPointToPointLarger}, peer.port, peer.node};
  info.gigabits = settings.gigabits;
  up();
}

void NPort::State::fabric_found(std::uint32_t id, const LoginPayload& parameters) {
  info.topology = Topology::kFabric;
  info.id.raw = vports[0].id = id;
  info.peer = {hal::fc::kFabricPort, Wwn{parameters.port_name}, Wwn{parameters.node_name}};
  info.gigabits = settings.gigabits;
  info.npiv = (parameters.common.features & CommonServiceParameters::kMultipleNPortIdsAssigned) != 0;
  const std::uint32_t milliseconds = parameters.resource_allocation_time();
  if (milliseconds >= 1000 && milliseconds <= 120'000) {
    settings.resource_allocation = std::chrono::milliseconds(milliseconds);
  }
  up();
}

void NPort::State::loop_ready() {
  info.topology = Topology::kPrivateLoop;
  info.id.raw = vports[0].id = loop.al_pa();
  info.al_pa = loop.positions();
  info.gigabits = settings.gigabits;
  up();
}

// --- virtual ports

void NPort::State::send_fdisc(std::uint8_t vp) {
  vports[vp].asked = true;
  const LoginPayload payload = login_payload(Els::kFdisc, names(vp), settings.frame_size, 0);
  request({0, vp, hal::fc::kFabricPort, settings.error_detect}, hal::fc::FrameType::kEls, Purpose::kFdisc,
          bytes_of(payload));
}

void NPort::State::fdisc_answered(std::uint8_t vp, RequestStatus status, const FrameHeader* header,
                                  std::span<const std::byte>) {
  VirtualPort& port = vports[vp];
  if (!port.asked) return;
  port.asked = false;
  port.up = status == RequestStatus::kAccepted && header != nullptr;
  if (port.up) port.id = header->d_id;
  if (!port.up) port.wanted = status == RequestStatus::kTimeout;  // a fabric that says no is not asked again
  if (!port.up && port.wanted) return;
  user.virtual_port_changed(vp, port.up, PortId{port.id});
}

}  // namespace emu::fc
