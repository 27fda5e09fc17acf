// Mailbox commands about the link: identity and topology, state, rate, initialisation, state change registration.
#include "emu/qla/firmware.h"

namespace emu::qla {
namespace {

enum FirmwareState : std::uint16_t { kWaitingForLogin = 2, kReady = 3, kLossOfSync = 4 };
// Mailbox 7 of "adapter id", what the fabric offered at FLOGI: without it, hosts have no virtual ports.
constexpr std::uint16_t kFabricHasVirtualPorts = 0x0400;
constexpr std::uint16_t kNotReadyYet = 7;  // mailbox 1 of a refused "adapter id": ask again

MailboxAnswer adapter_id(Firmware& firmware, MailboxCall& call) {
  const fc::LinkInfo* link = firmware.link.info();
  const std::uint8_t vp = static_cast<std::uint8_t>(call[9]);
  const PortId id = firmware.core.port.id_of(vp);
  if (link == nullptr || (vp != 0 && id.raw == 0)) {
    call.out[1] = kNotReadyYet;
    return MailboxStatus::kCommandError;
  }
  call.out[1] = firmware.link.own_loop_id();
  call.out[2] = static_cast<std::uint16_t>(id.raw);
  call.out[3] = static_cast<std::uint16_t>(id.raw >> 16);
  call.out[6] = Link::topology_code(link->topology);
  call.out[7] = link->npiv ? kFabricHasVirtualPorts : 0;
  for (unsigned i = 15; i <= 19; ++i) call.out[i] = 0;
  return MailboxStatus::kOk;
}

MailboxAnswer firmware_state(Firmware& firmware, MailboxCall& call) {
  call.out[1] = firmware.link.info() != nullptr ? kReady : firmware.link.dark() ? kLossOfSync : kWaitingForLogin;
  for (unsigned i = 2; i <= 6; ++i) call.out[i] = 0;
  return MailboxStatus::kOk;
}

MailboxAnswer data_rate(Firmware& firmware, MailboxCall& call) {
  call.out[1] = firmware.core.chip.rate;
  call.out[2] = call.out[3] = 0;
  return MailboxStatus::kOk;
}

MailboxAnswer initialize_link(Firmware& firmware, MailboxCall&) {
  firmware.link.bounce();
  return MailboxStatus::kOk;
}

MailboxAnswer register_state_change(Firmware& firmware, MailboxCall& call) {
  firmware.link.register_state_changes(static_cast<std::uint8_t>(call[9]), static_cast<std::uint8_t>(call[1]));
  return MailboxStatus::kOk;
}

MailboxAnswer position_map(Firmware& firmware, MailboxCall& call) {
  const fc::LinkInfo* link = firmware.core.port.link();
  if (link == nullptr || link->al_pa.empty()) return MailboxStatus::kCommandError;
  std::array<std::uint8_t, 128> map{};
  map[0] = static_cast<std::uint8_t>(std::min<std::size_t>(link->al_pa.size(), 127));
  std::copy_n(link->al_pa.begin(), map[0], map.begin() + 1);
  return write_host(firmware.core.host, call.address(), map) ? MailboxStatus::kOk : MailboxStatus::kParameterError;
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kGetAdapterId, "get adapter id", kInRunning, mask({1, 2, 3, 6, 7}), adapter_id},
    {MailboxCommand::kGetFirmwareState, "get firmware state", kWithFirmware, mask({1, 2, 3, 4, 5, 6}), firmware_state},
    {MailboxCommand::kDataRate, "data rate", kWithFirmware, mask({1, 2, 3}), data_rate},
    {MailboxCommand::kInitiateLip, "initiate LIP", kInRunning, 0, initialize_link},
    {MailboxCommand::kLipReset, "LIP reset", kInRunning, 0, initialize_link},
    {MailboxCommand::kLinkInitialize, "link initialize", kInRunning, 0, initialize_link},
    {MailboxCommand::kRegisterStateChange, "register state change", kInRunning, 0, register_state_change},
    {MailboxCommand::kGetPositionMap, "get position map", kInRunning, 0, position_map},
};

}  // namespace

std::span<const MailboxRow> link_commands() { return kRows; }

}  // namespace emu::qla
