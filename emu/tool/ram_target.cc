// FCP commands to the RAM disk and back; finding the initiators, or being found.
#include "emu/tool/ram_target.h"

#include <algorithm>
#include <cstring>

#include "emu/fc/payloads.h"
#include "hal/port/fc_ct.h"

namespace emu::tool {
namespace {

using fc::bytes_of;
using hal::fc::FcpCmnd;
using hal::fc::FcpRsp;
using hal::fc::FcpService;
using hal::fc::NameServer;

constexpr std::uint64_t kNodeBits = 0x0100000000000000;
constexpr std::uint8_t kBusy = 0x08;
constexpr base::Duration kPeerLimit = std::chrono::seconds(2);

fc::NPortSettings settings_of(hal::fc::Wwn name, fc::Connection connection) {
  fc::NPortSettings settings;
  settings.port_name = name;
  settings.node_name = hal::fc::Wwn{name.raw ^ kNodeBits};
  settings.connection = connection;
  settings.fcp_service = FcpService::kReadXferRdyDisabled | FcpService::kTarget;
  settings.exchanges = 1024;
  return settings;
}

template <class Object>
std::vector<std::byte> ct(NameServer::Command command, const Object& object) {
  hal::fc::CtHeader header;
  header.command = command;
  std::vector<std::byte> payload(sizeof header + sizeof object);
  std::memcpy(payload.data(), &header, sizeof header);
  std::memcpy(payload.data() + sizeof header, &object, sizeof object);
  return payload;
}

}  // namespace

RamTarget::RamTarget(Wire& wire, hal::fc::Wwn name, fc::Connection connection, std::uint32_t mebibytes)
    : disk_(mebibytes, name.raw), port_(wire, settings_of(name, connection), *this) {}

// --- logins

void RamTarget::link_up(const fc::LinkInfo& link) {
  if (link.topology == hal::fc::Topology::kFabric) return register_with_fabric(kNameServer);
  const bool larger = port_.settings().port_name > link.peer.port_name;
  if (link.topology == hal::fc::Topology::kPointToPoint && larger) log_in_to_peer();
}

void RamTarget::log_in_to_peer() {
  const fc::Request request{.tag = kPeer, .vp = 0, .to = port_.link()->peer.id, .limit = kPeerLimit};
  port_.log_in(request, fc::LoginRequest::kPlogi);
}

void RamTarget::request_answered(std::uint32_t tag, fc::RequestStatus status, std::span<const std::byte>) {
  if (port_.link() == nullptr) return;
  if (tag == kPeer) {
    if (status == fc::RequestStatus::kTimeout) log_in_to_peer();
    return;
  }
  if (status == fc::RequestStatus::kAccepted) return register_with_fabric(tag + 1);
  if (status == fc::RequestStatus::kTimeout) register_with_fabric(tag);
}

// Initiators find the port by the name server's list of those that speak FCP.
void RamTarget::register_with_fabric(std::uint32_t step) {
  const fc::Request request{.tag = step, .vp = 0, .to = hal::fc::kNameServer, .limit = {}};
  if (step == kNameServer) return port_.log_in(request, fc::LoginRequest::kPlogi);
  const std::uint32_t own = port_.id_of(0).raw;
  if (step == kTypes) {
    hal::fc::NsFc4Types object;
    object.port_id = own;
    object.types[0] = 1u << hal::fc::FrameType::kFcp;
    return port_.send_ct(request, ct(NameServer::kRftId, object));
  }
  if (step != kFeatures) return;
  hal::fc::NsFc4Features object;
  object.port_id = own;
  object.features = NameServer::kFeatureTarget;
  object.type = hal::fc::FrameType::kFcp;
  port_.send_ct(request, ct(NameServer::kRffId, object));
}

// --- commands

bool RamTarget::command_received(const fc::ReceivedCommand& command) {
  if (command.id == fc::kNoExchange) {
    FcpRsp busy;
    busy.status = kBusy;
    port_.send_bare_response(command.vp, hal::fc::PortId{command.header->s_id}, command.header->ox_id, bytes_of(busy));
    return true;
  }
  const auto cmnd = fc::take<FcpCmnd>(command.cmnd);
  if (!cmnd || command.login->state != fc::LoginState::kPrliDone) {
    port_.terminate(command.id, kEnd, true);
    return true;
  }
  Task& task = tasks_[command.id.raw];
  task = {};
  if (cmnd->task_management_flags != 0) {
    manage(command.id);
  } else {
    begin(command.id, *cmnd, task);
  }
  return true;
}

// Ends every other command, whoever sent it: there is one logical unit, and its initiators know what they reset.
void RamTarget::manage(fc::ExchangeId id) {
  for (const auto& [other, task] : tasks_)
    if (other != id.raw) port_.terminate(fc::ExchangeId{other}, kEnd, false);
  std::erase_if(tasks_, [id](const auto& item) { return item.first != id.raw; });
  struct {
    FcpRsp rsp;
    hal::fc::FcpRspInfo info;
  } response;
  response.rsp.flags = FcpRsp::kResponseLengthValid;
  response.rsp.response_length = sizeof response.info;
  response.info.code = hal::fc::FcpRspInfo::kTaskManagementComplete;
  const auto bytes = bytes_of(response);
  tasks_[id.raw].response.assign(bytes.begin(), bytes.end());
  respond(id);
}

void RamTarget::begin(fc::ExchangeId id, const FcpCmnd& command, Task& task) {
  task.answer = disk_.execute(command);
  const RamDisk::Answer& answer = task.answer;
  const std::uint32_t allowed = command.data_length;
  const auto length = static_cast<std::uint32_t>(answer.data_in().size());
  task.length = std::min(allowed, length);
  FcpRsp rsp;
  rsp.status = answer.status;
  if (length != allowed) {
    rsp.flags = length < allowed ? FcpRsp::kResidualUnder : FcpRsp::kResidualOver;
    rsp.residual = length < allowed ? allowed - length : length - allowed;
  }
  if (answer.status != 0) {
    rsp.flags = static_cast<std::uint8_t>(rsp.flags | FcpRsp::kSenseLengthValid);
    rsp.sense_length = static_cast<std::uint32_t>(answer.sense.size());
  }
  const auto head = bytes_of(rsp);
  task.response.assign(head.begin(), head.end());
  const auto sense = std::as_bytes(std::span(answer.sense));
  if (answer.status != 0) task.response.insert(task.response.end(), sense.begin(), sense.end());
  if (task.length == 0) return respond(id);
  const fc::DataStep step{.tag = kData, .offset = 0, .length = task.length, .response = {}, .limit = {}};
  const fc::StepStatus taken = answer.write ? port_.receive_data(id, step) : port_.send_data(id, step);
  if (taken != fc::StepStatus::kTaken) port_.terminate(id, kEnd, true);
}

void RamTarget::respond(fc::ExchangeId id) {
  const auto length = static_cast<std::uint32_t>(tasks_.at(id.raw).response.size());
  if (port_.send_response(id, kResponse, length) != fc::StepStatus::kTaken) port_.terminate(id, kEnd, true);
}

void RamTarget::step_done(fc::ExchangeId id, std::uint32_t tag, const fc::StepEnd& end) {
  const auto task = tasks_.find(id.raw);
  if (task == tasks_.end()) return;
  if (tag == kData && end.reason == fc::EndReason::kDone) return respond(id);
  if (tag == kData) port_.terminate(id, kEnd, true);  // data is missing, or the initiator is gone
  tasks_.erase(task);
}

// --- data

bool RamTarget::fetch(fc::ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) {
  const auto task = tasks_.find(id.raw);
  if (task == tasks_.end()) return false;
  const std::span<const std::byte> from =
      tag == kResponse ? std::span<const std::byte>(task->second.response) : task->second.answer.data_in();
  if (offset > from.size() || to.size() > from.size() - offset) return false;
  std::memcpy(to.data(), from.data() + offset, to.size());
  return true;
}

bool RamTarget::store(fc::ExchangeId id, std::uint32_t, std::uint32_t offset, std::span<const std::byte> from) {
  const auto task = tasks_.find(id.raw);
  if (task == tasks_.end() || !task->second.answer.write) return false;
  const std::span<std::byte> to = task->second.answer.blocks;
  if (offset > to.size() || from.size() > to.size() - offset) return false;
  std::memcpy(to.data() + offset, from.data(), from.size());
  return true;
}

}  // namespace emu::tool
