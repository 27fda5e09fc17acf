// From light to an address: what the firmware found out about the link, and which logins outlived it.
#include <cstring>

#include "drivers/qla/bringup.h"
#include "drivers/qla/wire.h"

namespace qla {
namespace {

using Cmd = regs::MailboxCommand;

constexpr base::Duration kAgain = std::chrono::milliseconds(100);
constexpr std::uint16_t kStateReady = 3;
constexpr std::uint16_t kNotReadyYet = 7;  // mailbox 1 beside a command error of "adapter id"
constexpr std::uint8_t kMarkerAll = 2;
// Point to point (FC-LS-3 6.2.2.4): who has the larger name gives the addresses; these are what Linux gives.
constexpr hal::fc::PortId kLargerName{1}, kSmallerName{2};

hal::fc::Topology topology_of(std::uint16_t number) {
  switch (number) {
    case 0:
      return hal::fc::Topology::kPrivateLoop;
    case 1:
      return hal::fc::Topology::kPublicLoop;
    case 2:
      return hal::fc::Topology::kPointToPoint;
    default:
      return hal::fc::Topology::kFabric;
  }
}

std::uint32_t gigabits_of(std::uint16_t rate) {
  constexpr std::uint32_t kRates[] = {1, 2, 0, 4, 8, 16, 32, 64};
  if (rate < std::size(kRates)) return kRates[rate];
  return rate == 0x13 ? 10 : 0;
}

}  // namespace

Progress Bringup::mailbox_free() { return call_.idle() ? Progress::kNext : Progress::kWait; }

void Bringup::ask_state() { send(call_.command(Cmd::kGetFirmwareState).wants(0x2)); }

Progress Bringup::poll_state() {
  if (waits() || !call_.idle()) return Progress::kWait;
  if (call_.ok() && call_.out[1] == kStateReady) return Progress::kNext;
  error_ = "the firmware is not ready";
  if (retry_at_ != base::Time{}) {
    retry_at_ = {};
    ask_state();
  } else {
    retry_in(kAgain);
  }
  return Progress::kWait;
}

void Bringup::ask_timeouts() { send(call_.command(Cmd::kGetTimeouts).wants(0xe)); }

Progress Bringup::timeouts_done() { return call_.idle() ? Progress::kNext : Progress::kWait; }

// Once after each reset: the firmware takes commands from here on.
void Bringup::send_marker() {
  if (marker_sent_ || !requests_.has_room(1, 0)) return;
  auto& marker = requests_.next<wire::Marker>();
  marker.head.type = static_cast<std::uint8_t>(wire::EntryType::kMarker);
  marker.head.count = 1;
  marker.head.handle = wire::kMarkerNoReply;
  marker.modifier = kMarkerAll;
  marker_sent_ = true;
}

void Bringup::ask_id() { send(call_.command(Cmd::kGetAdapterId).wants(0xce)); }

Progress Bringup::poll_id() {
  if (waits() || !call_.idle()) return Progress::kWait;
  if (call_.ok()) {
    link_ = {};
    link_.topology = topology_of(call_.out[6]);
    link_.id.raw = (call_.out[3] & 0xffu) << 16 | call_.out[2];
    return Progress::kNext;
  }
  if (call_.status() != regs::MailboxStatus::kCommandError || call_.out[1] != kNotReadyYet) return mailbox_answered();
  error_ = "the adapter has no address yet";
  if (retry_at_ != base::Time{}) {
    retry_at_ = {};
    ask_id();
  } else {
    retry_in(kAgain);
  }
  return Progress::kWait;
}

void Bringup::ask_rate() { send(call_.command(Cmd::kDataRate).set(1, 0).wants(0x2)); }

Progress Bringup::take_rate() {
  if (!call_.idle()) return Progress::kWait;
  link_.gigabits = call_.ok() ? gigabits_of(call_.out[1]) : 0;
  return Progress::kNext;
}

// Who answered our FLOGI. The node name behind an F_Port is the fabric's name; of an N_Port, the port name counts.
void Bringup::ask_peer_name() {
  constexpr std::uint32_t kPortName = 0, kNodeName = 1;
  const bool n_port = link_.topology == hal::fc::Topology::kPointToPoint;
  send(call_.command(Cmd::kGetPortName)
           .set(1, wire::kHandleFabricPort)
           .set(10, n_port ? kPortName : kNodeName)
           .wants(0xcc));
}

Progress Bringup::take_peer_name() {
  if (!call_.idle()) return Progress::kWait;
  if (!call_.ok()) return Progress::kNext;
  const auto part = [&](unsigned mailbox) { return std::uint64_t{call_.out[mailbox]}; };
  const hal::fc::Wwn name{part(2) << 48 | part(3) << 32 | part(6) << 16 | part(7)};
  switch (link_.topology) {
    case hal::fc::Topology::kFabric:
    case hal::fc::Topology::kPublicLoop:
      link_.fabric_name = name;
      break;
    case hal::fc::Topology::kPointToPoint:
      link_.peer = {port_name_ > name ? kSmallerName : kLargerName, name, {}};
      link_.id = port_name_ > name ? kLargerName : kSmallerName;
      break;
    case hal::fc::Topology::kPrivateLoop:
      break;
  }
  return Progress::kNext;
}

void Bringup::begin_logins() {
  lost_logins_.clear();
  port_ = login_ = 0;
  ask_next_login();
}

bool Bringup::ask_next_login() {
  for (; port_ < logins_.size(); ++port_, login_ = 0) {
    const Logins& logins = *logins_[port_];
    while (login_ < logins.count() && !logins[login_].working()) ++login_;
    if (login_ < logins.count()) break;
  }
  if (port_ >= logins_.size()) return false;
  asked_nport_ = (*logins_[port_])[login_].nport;
  call_.command(Cmd::kGetPortDatabase).set(1, asked_nport_).set(10, 0);
  send(call_.address(memory_.block().iova));
  return true;
}

Progress Bringup::poll_logins() {
  if (port_ >= logins_.size()) return Progress::kNext;
  if (!call_.idle()) return Progress::kWait;
  wire::PortDatabase port;
  std::memcpy(&port, memory_.block().bytes.data(), sizeof port);
  const bool known = call_.ok() && (port.current_state & 0xf) == static_cast<std::uint8_t>(wire::LoginState::kPrliDone);
  const Login& login = (*logins_[port_])[login_];
  if (!known && login.working() && login.nport == asked_nport_) lost_logins_.push_back({port_, login_});
  ++login_;
  return ask_next_login() ? Progress::kWait : Progress::kNext;
}

}  // namespace qla
