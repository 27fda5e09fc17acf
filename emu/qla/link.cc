// Asynchronous events of the link, Report-ID entries, state change registration.
#include "emu/qla/link.h"

#include <algorithm>
#include <cstring>

#include "emu/qla/nvram.h"

namespace emu::qla {
namespace {

using regs::AsyncEvent;
constexpr auto kStartDelay = std::chrono::milliseconds(50), kDark = std::chrono::milliseconds(100);
constexpr auto kLongestLogin = std::chrono::seconds(2);  // of a loop's ports, before the host is told of the loop
constexpr std::uint16_t kAllPorts = 0xFFFF, kLoggedOut = 7, kComplete = 6;
constexpr std::uint32_t kNobody = 0xFFFFFFFF;  // tag of a request whose answer is of no use

}  // namespace

std::uint16_t Link::topology_code(fc::Topology topology) {
  switch (topology) {
    case fc::Topology::kPrivateLoop:
      return 0;
    case fc::Topology::kPublicLoop:
      return 1;
    case fc::Topology::kPointToPoint:
      return 2;
    case fc::Topology::kFabric:
      break;
  }
  return 3;
}

void Link::start() { start_at_ = core_.host.now() + kStartDelay; }

void Link::bounce() {
  if (dark()) return;
  core_.count("link initialisations by the host");
  core_.port.bounce(kDark);
}

void Link::reset() {
  start_at_.reset();
  announce_by_.reset();
  expected_.clear();
}

bool Link::poll(base::Time now) {
  if (announce_by_ && (!core_.port.logging_in_to_loop() || now >= *announce_by_)) {
    announce_by_.reset();
    if (const fc::LinkInfo* link = core_.port.link()) announce(*link);
    return true;
  }
  if (!start_at_ || now < *start_at_) return false;
  start_at_.reset();
  core_.port.start();
  return true;
}

// On a loop: the place of the AL_PA among those of the position map. Elsewhere there is no such number.
std::uint16_t Link::loop_id(std::uint8_t al_pa) const {
  const fc::LinkInfo* link = core_.port.link();
  if (link == nullptr) return 0;
  auto order = link->al_pa;
  std::sort(order.begin(), order.end());
  return static_cast<std::uint16_t>(std::find(order.begin(), order.end(), al_pa) - order.begin());
}

std::uint16_t Link::own_loop_id() const {
  const fc::LinkInfo* link = core_.port.link();
  return link == nullptr || link->al_pa.empty() ? std::uint16_t{0} : loop_id(static_cast<std::uint8_t>(link->id.raw));
}

void Link::register_state_changes(std::uint8_t vp, std::uint8_t function) {
  const fc::LinkInfo* link = core_.port.link();
  if (link == nullptr || link->topology != fc::Topology::kFabric) return;
  hal::fc::Scr scr;
  scr.command = hal::fc::Els::kScr;
  scr.function = function;
  core_.port.send_els({.tag = kNobody, .vp = vp, .to = hal::fc::kFabricController}, std::as_bytes(std::span(&scr, 1)));
}

void Link::link_up(const fc::LinkInfo& link) {
  ++ups_;
  const bool first_logins = link.topology == fc::Topology::kPrivateLoop && core_.port.settings().log_in_to_loop;
  if (!first_logins) return announce(link);
  announce_by_ = core_.host.now() + kLongestLogin;
}

void Link::announce(const fc::LinkInfo& link) {
  const bool loop = link.topology == fc::Topology::kPrivateLoop || link.topology == fc::Topology::kPublicLoop;
  if (!loop) core_.events.post_async(AsyncEvent::kPointToPoint);
  if (core_.multi_id) report_id(link);
  core_.events.post_async(AsyncEvent::kLinkUp, {core_.chip.rate});
  core_.events.post_async(AsyncEvent::kPortDatabaseChanged, {kAllPorts, kComplete, 0});
  // An initiator's firmware wants to know by itself; a target's host says when.
  if (!core_.target()) register_state_changes(0, hal::fc::Scr::kFull);
}

void Link::report_id(const fc::LinkInfo& link) {
  auto report = fresh<wire::ReportId>(wire::EntryType::kReportId);
  report.acquired = 1;
  report.port_id = link.id.raw;
  if (link.topology == fc::Topology::kFabric || link.topology == fc::Topology::kPointToPoint) {
    const bool fabric = link.topology == fc::Topology::kFabric;
    report.format = 1;
    report.flags = wire::ReportId::Topology::of(fabric ? 3 : 2);
    report.port_name = to_bytes(link.peer.port_name);
    report.node_name = to_bytes(link.peer.node_name);
  }
  core_.respond(report);
}

void Link::virtual_port_changed(std::uint8_t vp, bool up, PortId id) {
  auto report = fresh<wire::ReportId>(wire::EntryType::kReportId);
  report.acquired = up ? 1 : 0;
  report.vp = vp;
  report.vp_status = up ? 0 : 1;
  report.port_id = id.raw;
  report.format = 1;
  report.flags = wire::ReportId::Topology::of(3);
  if (const fc::LinkInfo* link = core_.port.link()) {
    report.port_name = to_bytes(link->peer.port_name);
    report.node_name = to_bytes(link->peer.node_name);
  }
  core_.respond(report);
}

void Link::link_down() {
  ++downs_;
  announce_by_.reset();
  expected_.clear();
  core_.handles.clear();
  core_.events.post_async(AsyncEvent::kLinkDown);
}

void Link::loop_initializing() { core_.events.post_async(AsyncEvent::kLip, {0}); }

void Link::expect(std::uint8_t vp, PortId id) { expected_.emplace_back(vp, id); }

bool Link::expected(std::uint8_t vp, PortId id) {
  const auto found = std::find(expected_.begin(), expected_.end(), std::pair{vp, id});
  if (found == expected_.end()) return false;
  expected_.erase(found);
  return true;
}

void Link::login_changed(const fc::Login& login, fc::LoginEvent event) {
  const bool own = expected(login.vp, login.port.id);
  const fc::LinkInfo* link = core_.port.link();
  const bool loop = link != nullptr && !link->al_pa.empty() && login.port.id.raw < 0x100;
  const auto handle =
      core_.handles.assign(login.vp, login.port.id, loop ? loop_id(static_cast<std::uint8_t>(login.port.id.raw)) : 0);
  if (event != fc::LoginEvent::kLoggedOut || own || !handle) return;
  core_.events.post_async(AsyncEvent::kPortDatabaseChanged, {*handle, kLoggedOut, login.vp});
}

void Link::state_changed(std::uint8_t vp, std::span<const std::byte> pages) {
  for (; pages.size() >= sizeof(hal::fc::RscnPage); pages = pages.subspan(sizeof(hal::fc::RscnPage))) {
    hal::fc::RscnPage page;
    std::memcpy(static_cast<void*>(&page), pages.data(), sizeof page);
    const std::uint32_t id = page.port_id, first = page.qualifier_format;  // hosts mask the qualifier themselves
    core_.events.post_async(AsyncEvent::kStateChange,
                            {static_cast<std::uint16_t>(first << 8 | id >> 16), static_cast<std::uint16_t>(id), vp});
  }
}

}  // namespace emu::qla
