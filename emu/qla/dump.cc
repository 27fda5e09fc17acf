// What people see of the model.
#include <fmt/format.h>

#include <iterator>

#include "emu/qla/firmware.h"
#include "emu/qla/model.h"

namespace emu::qla {
namespace {

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::kRom:
      return "boot code";
    case Phase::kLoaded:
      return "firmware loaded";
    case Phase::kRunning:
      return "running";
    case Phase::kCrashed:
      break;
  }
  return "crashed";
}

}  // namespace

std::string Model::dump() const {
  const Core& core = firmware_->core;
  std::string text;
  const auto to = std::back_inserter(text);
  fmt::format_to(to, "{}: {}, role:{}{}{}\n", chip_.name, phase_name(core.phase), core.target() ? " target" : "",
                 core.initiator() ? " initiator" : "",
                 wire::InitBlock::FcTape::get(core.init.options2) ? ", confirmed completion" : "");
  for (unsigned number = 0; number < core.queues.used(); ++number)
    fmt::format_to(to, "queues {}: requests in {} out {}; responses in {} out {}, {} kept\n", number,
                   core.queues.request(number).in(), core.queues.request(number).out(),
                   core.queues.response(number).in(), core.queues.response(number).out(),
                   core.queues.response(number).kept());
  const EntryQueue& atios = core.queues.atios;
  fmt::format_to(to, "priority: in {} out {}; ATIOs: in {} out {}, {} kept\n", core.queues.priority.in(),
                 core.queues.priority.out(), atios.in(), atios.out(), atios.kept());
  fmt::format_to(to, "events: host status {:08x}, {} waiting, interrupts {}\n", core.events.status().raw,
                 core.events.waiting(), core.events.enabled() ? "on" : "off");
  fmt::format_to(to, "commands out {}, CTIOs out {}\n", firmware_->initiator.outstanding(),
                 firmware_->target.outstanding());
  if (const fc::LinkInfo* link = core.port.link())
    fmt::format_to(to, "link: up, topology {}, id {:06x}\n", Link::topology_code(link->topology), link->id.raw);
  for (const fc::Login& login : core.port.logins())
    fmt::format_to(to, "login: vp {} handle {:x} port {:06x} {} state {}\n", login.vp,
                   core.handles.find(login.vp, login.port.id).value_or(wire::kHandleUnknown), login.port.id.raw,
                   hal::fc::to_string(login.port.port_name), static_cast<int>(login.state));
  for (const auto& [name, value] : core.counters) fmt::format_to(to, "{}: {}\n", name, value);
  for (const auto& [name, value] : core.port.counters()) fmt::format_to(to, "link {}: {}\n", name, value);
  return text;
}

}  // namespace emu::qla
