// Common Transport requests to well-known addresses: the name server, and what a small switch has of management.
#include <cstring>

#include "emu/fc/payloads.h"
#include "emu/fc/switch/f_port.h"

namespace emu::fc {

using hal::fc::CtHeader;
using hal::fc::FabricConfiguration;
using hal::fc::FrameHeader;

namespace {
constexpr std::uint32_t kNames = 0xfffffc;

std::uint16_t speed_bits(std::uint32_t gigabits) {
  switch (gigabits) {
    case 4:
      return FabricConfiguration::k4G;
    case 8:
      return FabricConfiguration::k8G;
    case 16:
      return FabricConfiguration::k16G;
    case 32:
      return FabricConfiguration::k32G;
    case 64:
      return FabricConfiguration::k64G;
    default:
      return FabricConfiguration::kUnknown;
  }
}
}  // namespace

void Switch::FPort::ct(std::uint32_t request, Node& node, const FrameHeader& header,
                       std::span<const std::byte> payload) {
  auto answer = take<CtHeader>(payload);
  if (!answer) return services_.drop(request);
  const std::uint32_t service = header.d_id;
  if (node.logged_in.count(service) == 0) {
    answer->command = CtHeader::kReject;
    answer->reason = CtHeader::kUnableToPerform;
    services_.reply(request, bytes_of(*answer));
    return;
  }
  if (service == kNames && answer->service == CtHeader::kDirectoryService) {
    std::uint32_t changed = 0;
    services_.reply(request, switch_.name_server_.answer(node.id, payload, changed));
    if (changed != 0) switch_.announce(changed, switch_.find(changed)->port_name);
    return;
  }
  services_.reply(request, management_answer(payload));
}

// The fabric configuration server; zone server and FDMI say that they are not here.
std::vector<std::byte> Switch::FPort::management_answer(std::span<const std::byte> payload) {
  CtHeader answer = *take<CtHeader>(payload);
  const std::uint16_t command = answer.command;
  const auto name = take<hal::fc::NsName>(payload.subspan(sizeof(CtHeader)));
  const bool known = answer.service == CtHeader::kManagementService &&
                     answer.subtype == CtHeader::kFabricConfigurationServer && command == FabricConfiguration::kGpsc;
  hal::fc::PortSpeeds speeds;
  bool found = false;
  for (const auto& [id, object] : switch_.name_server_.objects()) {
    found |= name && object.fabric_port_name.raw == name->name;
  }
  speeds.capabilities = static_cast<std::uint16_t>(FabricConfiguration::k4G | speed_bits(switch_.options_.gigabits));
  speeds.operating = speed_bits(switch_.options_.gigabits);
  answer.size = 0;
  const bool accepted = known && found;
  answer.command = accepted ? CtHeader::kAccept : CtHeader::kReject;
  if (!accepted) answer.reason = known ? CtHeader::kUnableToPerform : CtHeader::kCommandNotSupported;
  std::vector<std::byte> out(sizeof answer + (accepted ? sizeof speeds : 0));
  std::memcpy(out.data(), &answer, sizeof answer);
  if (accepted) std::memcpy(out.data() + sizeof answer, &speeds, sizeof speeds);
  return out;
}

}  // namespace emu::fc
