// Fills in the payloads of link services.
#include "emu/fc/payloads.h"

namespace emu::fc {

using hal::fc::ClassServiceParameters;
using hal::fc::Els;
using hal::fc::LoginPayload;
using hal::fc::ProcessLogin;
using hal::fc::ProcessPage;

LoginPayload login_payload(std::uint8_t command, const LoginNames& names, std::uint16_t receive_size,
                           std::uint16_t features) {
  LoginPayload payload;
  payload.command = command;
  payload.common.credit = 32;
  payload.common.features = features;
  payload.common.receive_size = receive_size;
  if (command == Els::kPlogi || command == Els::kPdisc || command == Els::kLsAcc) {
    payload.common.total_sequences = 255;
    payload.common.relative_offsets = 0x1f;
    payload.common.error_detect_time = 2000;
  }
  payload.port_name = names.port.raw;
  payload.node_name = names.node.raw;
  payload.class3.options = ClassServiceParameters::kValid | ClassServiceParameters::kSequentialDelivery;
  payload.class3.receive_size = receive_size;
  payload.class3.concurrent_sequences = 255;
  payload.class3.open_sequences = 1;
  return payload;
}

ProcessLogin prli(std::uint8_t command, std::uint32_t service_parameters) {
  ProcessLogin payload;
  payload.command = command;
  payload.page.type = hal::fc::FrameType::kFcp;
  payload.page.flags = ProcessPage::kEstablishImagePair;
  if (command == Els::kLsAcc) {
    payload.page.flags = ProcessPage::ResponseCode::set(payload.page.flags, ProcessPage::kExecuted);
  }
  payload.page.parameters = service_parameters;
  return payload;
}

ProcessLogin prlo(std::uint8_t command, std::uint8_t type) {
  ProcessLogin payload;
  payload.command = command;
  payload.page.type = type;
  if (command == Els::kLsAcc) payload.page.flags = ProcessPage::ResponseCode::of(ProcessPage::kExecuted);
  return payload;
}

hal::fc::LsRjt ls_rjt(std::uint8_t reason, std::uint8_t explanation) {
  hal::fc::LsRjt payload;
  payload.reason = reason;
  payload.explanation = explanation;
  return payload;
}

Els ls_acc() {
  Els payload;
  payload.command = Els::kLsAcc;
  return payload;
}

hal::fc::Logo logo(hal::fc::PortId id, hal::fc::Wwn name) {
  hal::fc::Logo payload;
  payload.port_id = id.raw;
  payload.port_name = name.raw;
  return payload;
}

hal::fc::Adisc adisc(std::uint8_t command, hal::fc::PortId id, const LoginNames& names) {
  hal::fc::Adisc payload;
  payload.command = command;
  payload.port_name = names.port.raw;
  payload.node_name = names.node.raw;
  payload.port_id = id.raw;
  return payload;
}

}  // namespace emu::fc
