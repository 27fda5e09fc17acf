// Mailbox commands about remote ports: database, names, lists.
#include <algorithm>
#include <cstring>

#include "emu/qla/firmware.h"
#include "emu/qla/nvram.h"

namespace emu::qla {
namespace {

wire::LoginState state_of(const fc::Login& login) {
  switch (login.state) {
    case fc::LoginState::kPlogiPending:
      return wire::LoginState::kPlogiPending;
    case fc::LoginState::kPlogiDone:
      return wire::LoginState::kPlogiDone;
    case fc::LoginState::kPrliPending:
      return wire::LoginState::kPrliPending;
    case fc::LoginState::kPrliDone:
      return wire::LoginState::kPrliDone;
    case fc::LoginState::kLogoPending:
      break;
  }
  return wire::LoginState::kLogoPending;
}

// What both forms of a record have in common.
template <class Record>
Record describe(std::uint16_t handle, const fc::Login& login) {
  Record record{};
  const auto state = static_cast<std::uint8_t>(state_of(login));
  record.current_state = record.last_state = state;
  record.port_id = login.port.id.raw;
  record.nport = handle;
  record.receive_size = login.receive_size;
  record.prli_word3 = static_cast<std::uint16_t>(login.service_parameters);
  constexpr std::uint16_t kFcp2Confirm = 0x0020;
  if ((login.service_parameters & hal::fc::FcpService::kConfirmedCompletion) != 0) record.flags = kFcp2Confirm;
  return record;
}

MailboxAnswer port_database(Firmware& firmware, MailboxCall& call) {
  Core& core = firmware.core;
  wire::PortDatabase record{};
  const fc::LinkInfo* link = core.port.link();
  if (call[1] == wire::kHandleFabricPort && link != nullptr) {
    record.current_state = record.last_state = static_cast<std::uint8_t>(wire::LoginState::kPlogiDone);
    record.port_id = hal::fc::kFabricPort.raw;
    record.nport = wire::kHandleFabricPort;
    record.port_name = to_bytes(link->peer.port_name);
    record.node_name = to_bytes(link->peer.node_name);
  } else {
    const Handles::Port* port = core.handles.find(call[1]);
    if (port == nullptr) return MailboxStatus::kParameterError;
    const fc::Login* login = core.port.find_login(port->vp, port->id);
    if (login == nullptr) return MailboxStatus::kNotLoggedIn;
    record = describe<wire::PortDatabase>(call[1], *login);
    record.port_name = to_bytes(login->port.port_name);
    record.node_name = to_bytes(login->port.node_name);
  }
  return write_host(core.host, call.address(), record) ? MailboxStatus::kOk : MailboxStatus::kParameterError;
}

// WWN in mailboxes 2, 3, 6, 7, from the most significant bytes on.
MailboxAnswer port_name(Firmware& firmware, MailboxCall& call) {
  Core& core = firmware.core;
  const bool node = (call[10] & 1) != 0;
  const fc::LinkInfo* link = core.port.link();
  hal::fc::Wwn name;
  if (call[1] == wire::kHandleFabricPort && link != nullptr) {
    name = node ? link->peer.node_name : link->peer.port_name;
  } else {
    const Handles::Port* port = core.handles.find(call[1]);
    const fc::Login* login = port == nullptr ? nullptr : core.port.find_login(port->vp, port->id);
    if (login == nullptr) return MailboxStatus::kNotLoggedIn;
    name = node ? login->port.node_name : login->port.port_name;
  }
  call.out[2] = static_cast<std::uint16_t>(name.raw >> 48);
  call.out[3] = static_cast<std::uint16_t>(name.raw >> 32);
  call.out[6] = static_cast<std::uint16_t>(name.raw >> 16);
  call.out[7] = static_cast<std::uint16_t>(name.raw);
  return MailboxStatus::kOk;
}

// Logged-in ports of one virtual port, as far as `size` bytes go.
template <class Record, class Fill>
std::optional<std::uint32_t> write_list(Core& core, std::uint8_t vp, std::uint64_t to, std::uint32_t size,
                                        Fill&& fill) {
  std::uint32_t at = 0;
  for (const fc::Login& login : core.port.logins()) {
    const auto handle = core.handles.find(login.vp, login.port.id);
    if (login.vp != vp || !handle || *handle >= wire::kHandles || size - at < sizeof(Record)) continue;
    if (!write_host(core.host, to + at, fill(*handle, login))) return std::nullopt;
    at += static_cast<std::uint32_t>(sizeof(Record));
  }
  return at;
}

MailboxAnswer name_list(Firmware& firmware, MailboxCall& call) {
  constexpr std::uint16_t kNodeName = 0x01, kAllData = 0x04;
  const auto vp = static_cast<std::uint8_t>(call[9]);
  const bool all = (call[1] & kAllData) != 0, node = (call[1] & kNodeName) != 0;
  const auto written =
      all ? write_list<wire::NameListEntry>(firmware.core, vp, call.address(), call[8],
                                            [](std::uint16_t handle, const fc::Login& login) {
                                              auto record = describe<wire::NameListEntry>(handle, login);
                                              record.port_name = login.port.port_name.raw;
                                              record.node_name = login.port.node_name.raw;
                                              return record;
                                            })
          : write_list<wire::NameListShort>(
                firmware.core, vp, call.address(), call[8], [&](std::uint16_t handle, const fc::Login& login) {
                  return wire::NameListShort{node ? login.port.node_name.raw : login.port.port_name.raw, handle};
                });
  if (!written) return MailboxStatus::kParameterError;
  call.out[1] = static_cast<std::uint16_t>(*written);
  return MailboxStatus::kOk;
}

MailboxAnswer id_list(Firmware& firmware, MailboxCall& call) {
  constexpr std::uint32_t kAll = wire::kHandles * sizeof(wire::IdListEntry);
  const auto written = write_list<wire::IdListEntry>(firmware.core, static_cast<std::uint8_t>(call[9]), call.address(),
                                                     kAll, [](std::uint16_t handle, const fc::Login& login) {
                                                       return wire::IdListEntry{login.port.id.raw, 0, handle, 0};
                                                     });
  if (!written) return MailboxStatus::kParameterError;
  call.out[1] = static_cast<std::uint16_t>(*written / sizeof(wire::IdListEntry));
  return MailboxStatus::kOk;
}

MailboxAnswer port_parameters(Firmware&, MailboxCall& call) {  // the remote port's speed cannot be changed
  call.out[1] = call.out[3] = 0;
  return MailboxStatus::kOk;
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kGetPortDatabase, "get port database", kInRunning, 0, port_database},
    {MailboxCommand::kGetPortName, "get port name", kInRunning, mask({2, 3, 6, 7}), port_name},
    {MailboxCommand::kGetNameList, "get name list", kInRunning, mask({1}), name_list},
    {MailboxCommand::kGetIdList, "get id list", kInRunning, mask({1}), id_list},
    {MailboxCommand::kPortParameters, "port parameters", kInRunning, mask({1, 3}), port_parameters},
};

}  // namespace

std::span<const MailboxRow> port_commands() { return kRows; }

}  // namespace emu::qla
