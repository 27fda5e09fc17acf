// FCP_RSP as CTIOs ask for it.
#include <algorithm>
#include <cstring>

#include "emu/qla/target.h"

namespace emu::qla {

using hal::fc::FcpRsp;
using Flags = wire::CtioFlags;

std::uint8_t Target::rsp_flags(const wire::CtioHead& head) {
  return static_cast<std::uint8_t>(((head.scsi_status & wire::kStatusOver) != 0 ? FcpRsp::kResidualOver : 0) |
                                   ((head.scsi_status & wire::kStatusUnder) != 0 ? FcpRsp::kResidualUnder : 0) |
                                   (Flags::Confirm::get(head.flags) ? FcpRsp::kConfirmationRequested : 0));
}

FcpRsp Target::rsp_of(const wire::CtioHead& head) {
  FcpRsp rsp;
  rsp.flags = rsp_flags(head);
  rsp.status = static_cast<std::uint8_t>(head.scsi_status);
  rsp.residual = std::uint32_t{head.residual};
  return rsp;
}

fc::StepStatus Target::start_response(Step& step, std::uint32_t tag, const wire::CtioHead& head) {
  if (Flags::Mode::get(head.flags) == 2)
    return core_.port.send_response(step.id, tag, std::bit_cast<wire::Ctio7Mode0>(step.entry).transfer_length);
  step.in_host = false;
  return core_.port.send_response(step.id, tag, step.response_size);
}

// FCP_RSP from the fields of modes 0 and 1.
void Target::build_response(Step& step, const wire::CtioHead& head) {
  FcpRsp rsp = rsp_of(head);
  std::size_t extra = 0;
  if (Flags::Mode::get(head.flags) == 1) {
    const auto mode1 = std::bit_cast<wire::Ctio7Mode1>(step.entry);
    const std::size_t most = mode1.data.size();
    const bool has_code = (head.scsi_status & wire::kStatusResponseValid) != 0;
    const bool has_sense = (head.scsi_status & wire::kStatusSenseValid) != 0;
    const std::size_t code = has_code ? std::min<std::size_t>(mode1.response_length, most) : 0;
    const std::size_t sense = has_sense ? std::min<std::size_t>(mode1.sense_length, most - code) : 0;
    if ((has_code && mode1.response_length > most) || (has_sense && mode1.sense_length > most - code))
      core_.host.fault("CTIO in mode 1: more response information and sense than it holds");
    rsp.flags = static_cast<std::uint8_t>(rsp.flags | (has_code ? FcpRsp::kResponseLengthValid : 0) |
                                          (has_sense ? FcpRsp::kSenseLengthValid : 0));
    rsp.response_length = static_cast<std::uint32_t>(code);
    rsp.sense_length = static_cast<std::uint32_t>(sense);
    std::array<std::uint8_t, sizeof(wire::Ctio7Mode1::data)> data;
    swap_words(data, mode1.data);
    extra = code + sense;
    std::memcpy(step.response.data() + sizeof rsp, data.data(), extra);
  }
  std::memcpy(step.response.data(), &rsp, sizeof rsp);
  step.response_size = static_cast<std::uint32_t>(sizeof rsp + extra);
}

// To a command that got no exchange: a status and nothing more.
void Target::bare_response(const Request& request) {
  const auto entry = request.as<wire::Ctio7Mode0>();
  if (!Flags::SendStatus::get(entry.flags)) {
    if (!Flags::Terminate::get(entry.flags)) core_.host.fault("CTIO without exchange sends no status");
    return complete(request.origin, request.entries[0], wire::CtioStatus::kOk);
  }
  const FcpRsp rsp = rsp_of(entry);
  core_.port.send_bare_response(entry.vp, PortId{entry.initiator}, entry.ox_id, std::as_bytes(std::span(&rsp, 1)));
  complete(request.origin, request.entries[0], wire::CtioStatus::kOk);
}

}  // namespace emu::qla
