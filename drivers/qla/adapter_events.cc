// The adapter's events: answers of the mailbox, what happens to the link, failures.
#include <fmt/format.h>

#include "base/log.h"
#include "drivers/qla/adapter.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");
constexpr int kBudget = 16;
constexpr std::uint16_t kEveryPort = 0xffff, kStateLoggedOut = 7;

}  // namespace

// One event is presented at a time; each is taken whole before the next is asked for.
bool Adapter::poll_events() {
  rounds_ = 0;
  event_due_ = false;
  for (int i = 0; i < kBudget; ++i) {
    const auto status = device_.registers.read<regs::HostStatus>();
    if (status.raw == ~std::uint32_t{0}) {
      device_.lost = true;
      return true;
    }
    if (status.get<regs::HostStatus::RiscPaused>() && device_.failure.empty() && device_.running) {
      device_.fail("the adapter's processor is paused");
      return true;
    }
    if (!status.get<regs::HostStatus::RiscInterrupt>()) return i != 0;
    ++device_.counters[Count::kEvents];
    switch (status.get<regs::HostStatus::Code>()) {
      case regs::InterruptCode::kRomMailboxDone:
      case regs::InterruptCode::kRomMailboxFailed:
      case regs::InterruptCode::kMailboxDone:
      case regs::InterruptCode::kMailboxFailed:
        mailbox_.answered();
        break;
      case regs::InterruptCode::kAsyncEvent:
        async_event(status.get<regs::HostStatus::Mailbox0>());
        break;
      case regs::InterruptCode::kResponseQueue:
      case regs::InterruptCode::kResponseQueue83:
      case regs::InterruptCode::kAtioQueue:
      case regs::InterruptCode::kAtioAndResponseQueue:
      case regs::InterruptCode::kAtioQueue27:
        break;  // the rings are looked at in every round
      default:
        device_.wrong(Count::kWrongEvent, "event of an unknown kind", status.raw);
    }
    device_.registers.write(regs::HostCommand{}.set<regs::HostCommand::Value>(regs::Command::kClearRiscInterrupt));
  }
  event_due_ = true;
  return true;
}

void Adapter::async_event(std::uint16_t code) {
  std::array<std::uint16_t, 4> mailbox{};
  for (unsigned i = 1; i < mailbox.size(); ++i) mailbox[i] = device_.registers.read<regs::Mailbox>(i).raw;
  device_.note(
      Event::kAsyncEvent, "",
      std::uint64_t{code} << 48 | std::uint64_t{mailbox[1]} << 32 | std::uint64_t{mailbox[2]} << 16 | mailbox[3]);
  switch (static_cast<regs::AsyncEvent>(code)) {
    case regs::AsyncEvent::kSystemError:
      return device_.fail(fmt::format("firmware crash {:04x} {:04x} {:04x}", mailbox[1], mailbox[2], mailbox[3]));
    case regs::AsyncEvent::kRequestDmaError:
      return device_.fail("DMA error on the request queue");
    case regs::AsyncEvent::kResponseDmaError:
      return device_.fail("DMA error on the response queue");
    case regs::AsyncEvent::kLinkUp:
      return light(true);
    case regs::AsyncEvent::kLinkDown:
      return light(false);
    case regs::AsyncEvent::kLip:
    case regs::AsyncEvent::kLipReset:
    case regs::AsyncEvent::kPointToPoint:
    case regs::AsyncEvent::kConnectionMode:
      return want_link();
    case regs::AsyncEvent::kPortDatabaseChanged:
      return port_database_changed(mailbox[1], mailbox[2]);
    case regs::AsyncEvent::kStateChange: {
      const std::array<std::byte, 4> page = {std::byte(mailbox[1] >> 8), std::byte(mailbox[1] & 0xff),
                                             std::byte(mailbox[2] >> 8), std::byte(mailbox[2] & 0xff)};
      if (phase_ != Phase::kOnline) return;
      if (VirtualPort* const port = virtual_port(static_cast<std::uint8_t>(mailbox[3])))
        return port->state_changed(page);
      return user_->state_changed(page);
    }
    default:
      return;  // discarded frames, transceivers, temperature: seen in dump("events")
  }
}

void Adapter::light(bool on) {
  kLog.info("{}: {}", device_.options.name, on ? "light" : "no light");
  light_ = on;
  want_link();
  if (on) return;
  link_wanted_ = false;
  if (phase_ == Phase::kOnline) bringup_.cancel();
  link_down_at_ = device_.reactor.now() + device_.options.link_down_limit;
  link_down_runs_ = true;
  links_changed();
}

void Adapter::links_changed() {
  if (std::exchange(link_up_, false)) user_->link_down();
  for (const Virtual& each : virtual_ports_) each.port->link_changed();
}

void Adapter::port_database_changed(std::uint16_t nport, std::uint16_t state) {
  if (nport == kEveryPort) {
    fabric_forgot_us_ |= state == kStateLoggedOut;
    return want_link();
  }
  if (state != kStateLoggedOut) return;
  port_.services.port_logged_out(nport);
  for (const Virtual& each : virtual_ports_) each.parts->services.port_logged_out(nport);
}

}  // namespace qla
