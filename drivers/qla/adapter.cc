// The port as its user sees it: start, stop, what it tells of itself.
#include "drivers/qla/adapter.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");
constexpr base::Duration kHousekeeping = std::chrono::milliseconds(100);
constexpr base::Duration kStopLimit = std::chrono::seconds(5);

}  // namespace

Adapter::~Adapter() {
  for (const auto& pair : pairs_) pair->detach();
  if (phase_ != Phase::kStopped) close();
}

void Adapter::start(hal::fc::FcPortUser& user) {
  CHECK(phase_ == Phase::kStopped);
  user_ = &user;
  port_.set_user(user);
  device_.reactor.add(*this);
  timer_.arm(device_.reactor.timers(), device_.reactor.now() + kHousekeeping);
  attempts_ = 0;
  device_.lost = gone_ = off_ = false;
  device_.failure.clear();
  phase_ = Phase::kBringingUp;
  if (auto opened = open(); !opened.has_value()) {
    device_.fail(opened.error().text);
  } else {
    begin_reset();
  }
}

base::Result<void> Adapter::open() {
  TRY(pci_->enable_dma());
  TRY(choose_interrupts());
  watch_interrupts(true);
  return {};
}

// MSI-X needs two vectors on these chips: one of them is for the response queue; and one for each further pair.
base::Result<void> Adapter::choose_interrupts() {
  struct Choice {
    hal::InterruptKind kind;
    unsigned vectors;
  };
  const auto pairs = static_cast<unsigned>(pairs_.queues() - 1);
  for (const Choice choice : {Choice{hal::InterruptKind::kMsix, 2 + pairs}, Choice{hal::InterruptKind::kMsi, 1},
                              Choice{hal::InterruptKind::kIntx, 1}}) {
    if (choice.kind == hal::InterruptKind::kMsi && !device_.chip.msi) continue;
    if (choice.kind != hal::InterruptKind::kMsix && pairs != 0) break;
    if (pci_->interrupt_vectors(choice.kind) < choice.vectors) continue;
    if (!pci_->set_interrupts(choice.kind, choice.vectors).has_value()) continue;
    interrupts_ = choice.kind;
    interrupt_fds_.clear();
    for (unsigned i = 0; i < choice.vectors - pairs; ++i) interrupt_fds_.push_back(TRY(pci_->interrupt_fd(i)));
    for (const auto& pair : pairs_) pair->use_interrupt(TRY(pci_->interrupt_fd(QueuePair::vector_of(pair->number()))));
    return {};
  }
  return base::fail(base::Errc::kUnsupported, "the adapter has no interrupt that can be enabled");
}

void Adapter::watch_interrupts(bool on) {
  for (const int fd : interrupt_fds_) {
    if (!on) {
      device_.reactor.unwatch(fd, *this);
    } else if (auto watched = device_.reactor.watch(fd, EPOLLIN, *this); !watched.has_value()) {
      device_.fail(watched.error().text);
    }
  }
  if (!on) interrupt_fds_.clear();
}

void Adapter::fd_ready(std::uint32_t) {
  for (const int fd : interrupt_fds_) {
    std::uint64_t count;
    if (read(fd, &count, sizeof count) == sizeof count) ++device_.counters[Count::kInterrupts];
  }
  event_due_ = true;
}

void Adapter::close() {
  if (!device_.lost) device_.registers.write(regs::InterruptControl{});
  device_.running = false;
  mailbox_.cancel();
  bringup_.cancel();
  watch_interrupts(false);
  (void)pci_->set_interrupts(hal::InterruptKind::kNone, 0);
  pci_->disable_dma();
  timer_.disarm();
  if (hal::Poller::linked()) device_.reactor.remove(*this);
  phase_ = Phase::kStopped;
}

void Adapter::stop(std::function<void()> done) {
  CHECK(phase_ != Phase::kStopping && phase_ != Phase::kOff && stopped_ == nullptr);
  stopped_ = std::move(done);
  if (phase_ == Phase::kStopped) return finish_stop();
  phase_ = Phase::kStopping;
  farewell_deadline_ = device_.reactor.now() + kFarewellLimit;
  stop_deadline_ = device_.reactor.now() + kStopLimit;
}

// In reset, or gone: what was out is answered by ourselves now, and users have a moment to let go.
void Adapter::went_off() {
  if (std::exchange(off_, true)) return;
  phase_ = Phase::kOff;
  bringup_.cancel();
  stop_deadline_ = device_.reactor.now() + kStopLimit;
}

bool Adapter::quiet() const {
  return port_.quiet() && control_.idle() &&
         std::all_of(virtual_ports_.begin(), virtual_ports_.end(),
                     [](const Virtual& each) { return each.parts->quiet(); });
}

bool Adapter::released() const {
  return port_.released() && std::all_of(virtual_ports_.begin(), virtual_ports_.end(),
                                         [](const Virtual& each) { return each.parts->released(); });
}

void Adapter::finish_stop() {
  if (phase_ != Phase::kStopped) close();
  light_ = link_up_ = link_wanted_ = off_ = false;
  for (const Virtual& each : virtual_ports_) each.port->adapter_off();
  kLog.info("{}: stopped", device_.options.name);
  device_.reactor.post_function(std::exchange(stopped_, nullptr));  // who is told may destroy us
}

void Adapter::answer(std::uint32_t link_service, const hal::fc::LinkServiceAnswer& answer) {
  port_.services.answer(link_service, answer);
}

std::vector<hal::fc::FcPort*> Adapter::virtual_ports() {
  std::vector<hal::fc::FcPort*> ports;
  for (const Virtual& each : virtual_ports_) ports.push_back(each.port.get());
  return ports;
}

void Adapter::register_state_changes() { registration_wanted_ = true; }

void Adapter::poll_bringup() {
  switch (bringup_.poll()) {
    case Bringup::Outcome::kRunning:
      return;
    case Bringup::Outcome::kDone:
      return bringup_done();
    case Bringup::Outcome::kFailed:
      return bringup_failed();
  }
}

void Adapter::bringup_done() {
  if (phase_ == Phase::kOff) return went_off();
  if (phase_ == Phase::kBringingUp || phase_ == Phase::kRecovering) {
    phase_ = Phase::kOnline;
    pairs_made();
    const auto& firmware = bringup_.firmware();
    kLog.info("{}: {} with firmware {}.{}.{} runs, port {}", device_.options.name, device_.chip.name, firmware.major,
              firmware.minor, firmware.patch, hal::fc::to_string(bringup_.port_name()));
    return;
  }
  attempts_ = 0;  // the link came up: what went wrong before is over
  for (const auto& [port, login] : bringup_.lost_logins()) {
    (port == 0 ? port_ : *virtual_ports_[port - 1].parts).services.end(login);
  }
  if (!light_ || phase_ != Phase::kOnline) return;
  link_down_runs_ = false;
  const hal::fc::Link& link = bringup_.link();
  const bool forgotten = std::exchange(fabric_forgot_us_, false);
  if (link_up_ && link == told_ && !forgotten) return;
  link_up_ = true;
  told_ = link;
  user_->link_up(link);
  for (const Virtual& each : virtual_ports_) each.port->link_changed(forgotten);
}

void Adapter::bringup_failed() {
  if (phase_ == Phase::kOff) {  // it does not even reset: cut it off
    pci_->disable_dma();
    forget_everything();
    return went_off();
  }
  if (phase_ == Phase::kOnline && !mailbox_.busy()) {  // of the link only
    kLog.info("{}: no link: {}", device_.options.name, bringup_.error());
    link_wanted_ = light_;
    link_retry_ = device_.reactor.now() + std::chrono::seconds(2);
    return;
  }
  device_.fail(bringup_.error());
}

hal::fc::PortInfo Adapter::info() const {
  hal::fc::PortInfo info;
  info.name = device_.options.name;
  info.model = bringup_.model().empty() ? device_.chip.name : bringup_.model() + ", " + device_.chip.name;
  const auto& firmware = bringup_.firmware();
  info.firmware = fmt::format("{}.{}.{}", firmware.major, firmware.minor, firmware.patch);
  switch (phase_) {
    case Phase::kStopped:
      info.state = "offline";
      break;
    case Phase::kFailed:
      info.state = "failed: " + reason_;
      break;
    case Phase::kWaiting:
      info.state = "waiting to try again: " + reason_;
      break;
    case Phase::kStopping:
    case Phase::kOff:
      info.state = "stopping";
      break;
    default:
      info.state = bringup_.running() ? bringup_.step() : link_up_ ? "online" : "no link";
  }
  info.port_name = bringup_.port_name();
  info.node_name = bringup_.node_name();
  info.link = link_up_;
  info.where = bringup_.link();
  info.logins = port_.logins.working();
  info.queues = static_cast<std::uint32_t>(pairs_.queues());
  for (std::size_t i = 0; i < kCounts; ++i) {
    const auto count = static_cast<Count>(i);
    info.counters.emplace_back(kCountNames[i], device_.counters[count] + pairs_.counted(count));
  }
  return info;
}

}  // namespace qla
