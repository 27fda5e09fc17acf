// The firmware's life: reset, initialisation, its poll loop.
#include "emu/qla/firmware.h"

#include "emu/qla/nvram.h"

namespace emu::qla {
namespace {

constexpr unsigned kRequestsPerPoll = 64;
using hal::fc::Els;
using hal::fc::FcpService;
// What a target's host is asked about.
constexpr std::uint8_t kTargetsAffair[] = {Els::kPlogi, Els::kLogo, Els::kPrlo, Els::kTprlo, Els::kPdisc, Els::kAdisc};
constexpr std::uint16_t kPurexOption = 0x0400;  // firmware options, mailbox 1

fc::Connection connection_of(const wire::InitBlock& init) {
  switch (wire::InitBlock::Connection::get(init.options2)) {
    case 0:
      return fc::Connection::kLoop;
    case 1:
      return fc::Connection::kPointToPoint;
    default:
      return fc::Connection::kLoopPreferred;
  }
}

}  // namespace

Firmware::Firmware(ModelHost& host, const Chip& chip, emu::Wire& wire)
    : core(host, chip, wire, *this),
      mailboxes(*this),
      link(core),
      services(core),
      virtual_ports(core),
      initiator(core),
      target(core),
      notify(core, link),
      aborts(core, target) {
  core.mailboxes = &mailboxes;
}

void Core::answer_entry(const Origin& origin, const wire::Entry& entry) {
  if (!origin.mailbox) return push(queues.response(origin.response), entry, regs::AsyncEvent::kResponseDmaError);
  const bool written = write_host(host, origin.address, entry);
  mailboxes->finish(written ? MailboxStatus::kOk : MailboxStatus::kParameterError);
}

void Firmware::reset_parts() {
  core.port.stop();
  core.queues.reset();
  core.handles.clear();
  link.reset();
  services.reset();
  virtual_ports.reset();
  initiator.reset();
  target.reset();
  notify.reset();
  aborts.reset();
  core.init = {};
  core.multi_id = false;
}

void Firmware::reset() {
  reset_parts();
  core.events.clear();
  mailboxes.reset();
  core.purex = {};
  core.flash_writable = false;
  for (auto& option : core.options) option = 0;
  core.phase = Phase::kRom;
}

void Firmware::stop() {
  reset_parts();
  core.phase = Phase::kRom;
}

void Firmware::crash() {
  core.port.stop();
  core.events.post_async(regs::AsyncEvent::kSystemError, {0x1234, 0x5678, 0x9abc});
  core.phase = Phase::kCrashed;
}

void Firmware::initialize(const wire::InitBlock& init) {
  core.init = init;
  core.queues.initialize(init);
  core.port_name = to_wwn(init.port_name);
  core.node_name = to_wwn(init.node_name);
  if (!wire::InitBlock::NodeName::get(init.options1) || core.node_name.raw == 0) {
    // Derived: the port name without its upper nibbles' port number (NAA 2 to 5 keep theirs).
    core.node_name.raw = (core.port_name.raw & 0x0000FFFFFFFFFFFF) | 0x2000000000000000;
  }
  fc::NPortSettings& settings = core.port.settings();
  settings.port_name = core.port_name;
  settings.node_name = core.node_name;
  settings.connection = connection_of(init);
  settings.frame_size = init.frame_size;
  settings.gigabits = core.chip.gigabits;
  settings.exchanges = std::uint32_t{core.chip.exchanges} * 2;
  const bool confirm = wire::InitBlock::FcTape::get(init.options2);
  settings.fcp_service = FcpService::kReadXferRdyDisabled | (core.target() ? FcpService::kTarget : 0u) |
                         (core.initiator() ? FcpService::kInitiator : 0u) |
                         (confirm ? FcpService::kConfirmedCompletion : 0u);
  settings.hold_aborts = core.target();
  settings.log_in_to_loop = core.initiator() && !wire::InitBlock::NoAutoPlogi::get(init.options3);
  apply_link_services();
  core.phase = Phase::kRunning;
  link.start();
}

void Firmware::apply_link_services() {
  auto& els = core.port.settings().els;
  els.fill(fc::Handling::kAnswer);
  if (core.target()) {
    for (const std::uint8_t command : kTargetsAffair) els[command] = fc::Handling::kHold;
    if (wire::InitBlock::PrliControl::get(core.init.options2)) els[Els::kPrli] = fc::Handling::kHold;
  }
  if ((core.options[0] & kPurexOption) == 0) return;
  for (std::size_t command = 0; command < els.size(); ++command)
    if ((core.purex[command / 8] >> (command % 8) & 1) != 0) els[command] = fc::Handling::kPassUp;
}

void Firmware::link_down() {
  link.link_down();
  notify.reset();
  aborts.reset();
}

bool Firmware::poll_queue(RequestQueue& queue, const Origin& origin) {
  bool moved = false;
  for (unsigned i = 0; i < kRequestsPerPoll && core.phase == Phase::kRunning; ++i) {
    bool failed = false;
    const auto entries = queue.next(failed);
    if (failed) core.events.post_async(regs::AsyncEvent::kRequestDmaError);
    if (entries.empty()) break;
    moved = true;
    process({entries, origin, queue.miscounted()});
  }
  return moved;
}

bool Firmware::poll() {
  bool moved = mailboxes.poll();
  if (core.phase == Phase::kRunning) {
    const base::Time now = core.host.now();
    moved |= link.poll(now);
    moved |= poll_queue(core.queues.priority, {});
    for (unsigned number = 0; number < core.queues.used(); ++number)
      if (core.queues.request(number).configured())
        moved |= poll_queue(core.queues.request(number), core.queues.origin(number));
    moved |= core.port.poll(now);
    moved |= core.queues.poll(core.events);
  }
  return core.events.poll() || moved;
}

}  // namespace emu::qla
