// Virtual ports: names, then an address from the fabric, told by a Report-ID entry.
#include "emu/qla/vports.h"

#include <fmt/format.h>

#include "emu/qla/nvram.h"

namespace emu::qla {
namespace {
enum Command : std::uint16_t {
  kEnable = 0x00,
  kDisable = 0x08,
  kDisableAndLink = 0x09,
  kLogOut = 0x0A,
  kLogOutAll = 0x0B
};
constexpr std::uint16_t kIndexError = 0x02;
}  // namespace

void VirtualPorts::configure(const Request& request) {
  auto entry = request.as<wire::VpConfiguration>();
  entry.completion = 0;
  for (unsigned i = 0; i < std::min<unsigned>(entry.count, 2); ++i) {
    const std::uint8_t vp = entry.index[i];
    if (vp == 0 || vp > core_.chip.virtual_ports || vp >= names_.size()) {
      core_.host.fault(fmt::format("virtual port {} of {}", vp, core_.chip.virtual_ports));
      entry.completion = kIndexError;
      break;
    }
    if (names_[vp].enabled) disable(vp, true);
    names_[vp].port = to_wwn(entry.port[i].port_name);
    names_[vp].node = to_wwn(entry.port[i].node_name);
    if (entry.command == 1) enable(vp);
  }
  core_.answer(request.origin, entry);
}

void VirtualPorts::reset() {
  for (std::size_t vp = 1; vp < names_.size(); ++vp) {
    if (names_[vp].enabled) core_.port.remove_virtual_port(static_cast<std::uint8_t>(vp));
  }
  names_ = {};
}

void VirtualPorts::control(const Request& request) {
  auto entry = request.as<wire::VpControl>();
  entry.completion = 0;
  for (unsigned vp = 1; vp < names_.size(); ++vp) {
    // Bit 0 of the map is virtual port 1.
    if ((entry.map[(vp - 1) / 8] >> ((vp - 1) % 8) & 1) == 0) continue;
    if (entry.command == kEnable) {
      enable(static_cast<std::uint8_t>(vp));
    } else {
      disable(static_cast<std::uint8_t>(vp), entry.command == kLogOut || entry.command == kLogOutAll);
    }
  }
  core_.answer(request.origin, entry);
}

void VirtualPorts::enable(std::uint8_t vp) {
  if (names_[vp].enabled || names_[vp].port.raw == 0) return;
  names_[vp].enabled = true;
  core_.port.add_virtual_port(vp, names_[vp].port, names_[vp].node);
}

void VirtualPorts::disable(std::uint8_t vp, bool log_out) {
  if (!names_[vp].enabled) return;
  names_[vp].enabled = false;
  if (log_out)
    for (const fc::Login& login : core_.port.logins())
      if (login.vp == vp) core_.port.implicit_logout(vp, login.port.id);
  core_.port.remove_virtual_port(vp);
}

}  // namespace emu::qla
