// Fabric login, and what the well-known addresses answer to link services.
#include "emu/fc/switch/f_port.h"

#include <algorithm>

#include "emu/fc/payloads.h"

namespace emu::fc {

using hal::fc::CommonServiceParameters;
using hal::fc::Els;
using hal::fc::FrameHeader;
using hal::fc::FrameType;
using hal::fc::LoginPayload;
using hal::fc::LsRjt;
using hal::fc::Wwn;

namespace {
constexpr std::uint32_t kFPort = 0xfffffe, kController = 0xfffffd;
constexpr std::uint16_t kReceiveSize = 2112;

std::uint32_t milliseconds(base::Duration time) {
  return static_cast<std::uint32_t>(time / std::chrono::milliseconds(1));
}
}  // namespace

// --- light and nodes

void Switch::FPort::check_light() {
  const bool up = wire_.up();
  if (up == was_up_) return;
  was_up_ = up;
  waiting_ = {};
  if (!up) {
    services_.clear(false);
    remove_all();
  }
}

Switch::Node* Switch::FPort::find(std::uint32_t id) {
  for (Node& node : nodes_) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

void Switch::FPort::add_node(std::uint32_t id, const LoginPayload& parameters) {
  Node& node = nodes_.emplace_back();
  node.id = id;
  node.port_name = Wwn{parameters.port_name};
  node.node_name = Wwn{parameters.node_name};
  NsObject object;
  object.port_name = node.port_name;
  object.node_name = node.node_name;
  object.fabric_port_name = switch_.fport_name(number_);
  switch_.name_server_.add(id, object);
}

void Switch::FPort::remove_node(std::uint32_t id) {
  const auto node = std::find_if(nodes_.begin(), nodes_.end(), [id](const Node& n) { return n.id == id; });
  if (node == nodes_.end()) return;
  const Wwn name = node->port_name;
  nodes_.erase(node);
  switch_.name_server_.remove(id);
  switch_.announce(id, name);
}

void Switch::FPort::remove_all() {
  while (!nodes_.empty()) remove_node(nodes_.back().id);
}

// --- requests

void Switch::FPort::reject(std::uint32_t request, std::uint8_t reason, std::uint8_t explanation) {
  services_.reply(request, bytes_of(ls_rjt(reason, explanation)));
}

void Switch::FPort::request_received(std::uint32_t request, const FrameHeader& header,
                                     std::span<const std::byte> payload) {
  const std::uint8_t command = command_of(payload);
  if (header.type == FrameType::kEls && header.d_id == kFPort && (command == Els::kFlogi || command == Els::kFdisc)) {
    return fabric_login(request, header, payload);
  }
  Node* const node = find(header.s_id);
  if (node == nullptr || payload.size() < sizeof(Els)) return services_.drop(request);
  if (header.type == FrameType::kEls) return els(request, *node, header, payload);
  ct(request, *node, header, payload);
}

void Switch::FPort::fabric_login(std::uint32_t request, const FrameHeader&, std::span<const std::byte> payload) {
  const auto parameters = take<LoginPayload>(payload);
  const bool flogi = command_of(payload) == Els::kFlogi;
  if (!parameters) return reject(request, LsRjt::kLogicalError, LsRjt::kInvalidPayloadLength);
  if ((parameters->common.features & CommonServiceParameters::kFPort) != 0) {
    return reject(request, LsRjt::kUnableToPerform, LsRjt::kServiceParameterOptions);  // another switch
  }
  const Wwn name{parameters->port_name};
  if (flogi) remove_all();
  if (name.raw == 0 || switch_.name_taken(name, *this)) {
    return reject(request, LsRjt::kLogicalError, LsRjt::kInvalidPortName);
  }
  const std::uint32_t base = std::uint32_t{switch_.options_.domain} << 16 | number_ << 8;
  std::uint32_t id = base;
  if (!flogi) {
    if (find(base) == nullptr) return reject(request, LsRjt::kUnableToPerform, LsRjt::kLoginRequired);
    do ++id;
    while (find(id) != nullptr);
    if (nodes_.size() >= switch_.options_.most_nodes) {
      return reject(request, LsRjt::kUnableToPerform, LsRjt::kInsufficientResources);
    }
  }
  add_node(id, *parameters);
  LoginPayload answer =
      login_payload(Els::kLsAcc, {switch_.fport_name(number_), switch_.options_.name}, kReceiveSize,
                    CommonServiceParameters::kFPort | CommonServiceParameters::kMultipleNPortIdsAssigned);
  answer.set_resource_allocation_time(milliseconds(switch_.options_.resource_allocation));
  answer.common.error_detect_time = milliseconds(switch_.options_.error_detect);
  services_.reply(request, bytes_of(answer), id);
}

void Switch::FPort::els(std::uint32_t request, Node& node, const FrameHeader& header,
                        std::span<const std::byte> payload) {
  const std::uint32_t service = header.d_id;
  switch (command_of(payload)) {
    case Els::kPlogi: {
      if (service == kFPort) break;
      node.logged_in.insert(service);
      const LoginNames names{Wwn{switch_.options_.name.raw | (service & 0xff) << 8}, switch_.options_.name};
      const LoginPayload answer = login_payload(Els::kLsAcc, names, kReceiveSize, 0x8800);
      services_.reply(request, bytes_of(answer));
      return;
    }
    case Els::kLogo: {
      services_.reply(request, bytes_of(ls_acc()));
      const std::uint32_t id = node.id;
      node.logged_in.erase(service);
      if (service == kFPort) remove_node(id);
      return;
    }
    case Els::kScr: {
      const auto scr = take<hal::fc::Scr>(payload);
      if (service != kController || !scr) break;
      node.scr = scr->function != hal::fc::Scr::kClear;
      services_.reply(request, bytes_of(ls_acc()));
      return;
    }
    case Els::kRscn:
      if (service != kController) break;
      return state_change_reported(request, node, payload);
    case Els::kRtv: {
      hal::fc::RtvAcc answer;
      answer.resource_allocation_time = milliseconds(switch_.options_.resource_allocation);
      answer.error_detect_time = milliseconds(switch_.options_.error_detect);
      services_.reply(request, bytes_of(answer));
      return;
    }
    case Els::kRrq:
      services_.reply(request, bytes_of(ls_acc()));
      return;
    case Els::kRls:
      services_.reply(request, bytes_of(hal::fc::RlsAcc{}));
      return;
    default:
      break;
  }
  reject(request, LsRjt::kCommandNotSupported, LsRjt::kRequestNotSupported);
}

// A port that is not logged in may not be spoken to.
void Switch::FPort::reject_frame(const FrameHeader&) { ++frames_lost_; }

}  // namespace emu::fc
