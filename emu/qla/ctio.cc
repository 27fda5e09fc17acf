// CTIOs: what they may say, and the steps that they become.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "emu/qla/target.h"

namespace emu::qla {
namespace {

using hal::fc::FcpRsp;
using Flags = wire::CtioFlags;

std::uint8_t rsp_flags(const wire::CtioHead& head) {
  return static_cast<std::uint8_t>(((head.scsi_status & wire::kStatusOver) != 0 ? FcpRsp::kResidualOver : 0) |
                                   ((head.scsi_status & wire::kStatusUnder) != 0 ? FcpRsp::kResidualUnder : 0) |
                                   (Flags::Confirm::get(head.flags) ? FcpRsp::kConfirmationRequested : 0));
}

}  // namespace

void Target::ctio(const Request& request) {
  const auto entry = request.as<wire::Ctio7Mode0>();
  const fc::ExchangeId id{entry.exchange};
  if (id == fc::kNoExchange) return bare_response(request);
  wire::CtioStatus status;
  if (!acceptable(entry, id, status)) return complete(request.origin, request.entries[0], status);
  const auto tag = take();
  if (!tag) return core_.refuse(request, wire::kEntryBusy);
  Step& step = steps_[*tag & ~kTagBit];
  step.origin = request.origin;
  step.entry = request.entries[0];
  step.id = id;
  step.base = 0;
  step.in_host = step.then_respond = false;
  step.protection.clear();
  if (!place(request, step, entry)) {
    release(*tag);
    return core_.refuse(request, wire::kEntryBadParameter);
  }
  const std::uint16_t flags = entry.flags;
  Exchange& exchange = exchanges_[id.index()];
  if (Flags::SendStatus::get(flags) || Flags::Terminate::get(flags)) exchange.finished = true;
  const fc::StepStatus started = start(step, *tag, entry);
  if (started == fc::StepStatus::kTaken) return;
  release(*tag);
  if (started == fc::StepStatus::kNoResources) return core_.refuse(request, wire::kEntryBusy);
  complete(request.origin, request.entries[0], wire::CtioStatus::kInvalidExchange);
}

// Whether the exchange is alive and what the entry says of it is right. An exchange that the fabric ended is no fault
// of the host's: it may not know yet.
bool Target::acceptable(const wire::CtioHead& head, fc::ExchangeId id, wire::CtioStatus& status) {
  status = wire::CtioStatus::kInvalidExchange;
  const Exchange& exchange = exchanges_[id.index() % exchanges_.size()];
  const auto wrong = [&](std::string_view what) {
    core_.host.fault(fmt::format("CTIO for exchange {:08x}: {}", id.raw, what));
    return false;
  };
  if (id.index() >= exchanges_.size()) return wrong("there is no such exchange");
  if (exchange.id != id) {
    core_.count("CTIOs of exchanges long gone");
    return false;
  }
  if (exchange.finished) return wrong("used after its response or termination");
  if (head.initiator != exchange.initiator) return wrong("wrong initiator id");
  if (head.ox_id != exchange.ox_id) return wrong("wrong OX_ID");
  // Linux does not copy it into protected ones.
  const bool copied = head.head.type == static_cast<std::uint8_t>(wire::EntryType::kCtio7);
  if (copied && !Flags::Terminate::get(head.flags) && Flags::Attribute::get(head.flags) != exchange.attribute)
    wrong("task attribute not copied");
  if (head.reserved19 != 0) wrong("reserved bytes are set");
  if (is_alive(id)) return true;
  core_.count("CTIOs of exchanges that ended");
  return false;
}

// Null: nothing is wrong.
const char* Target::gather(const Request& request, Step& step, const wire::Ctio7Mode0& entry) {
  if (request.head().type == static_cast<std::uint8_t>(wire::EntryType::kCtio7)) {
    const bool good = step.data.gather(request.entries, std::span(&entry.segment, 1), entry.segment_count) &&
                      step.data.total() >= entry.transfer_length;
    return good ? nullptr : "segments";
  }
  const auto crc2 = request.as<wire::CtioCrc2>();
  step.data.clear();
  core_.count("protected CTIOs");
  if (crc2.context_length < sizeof(wire::CrcContext) || crc2.reserved62 != 0) return "context";
  return step.protection.prepare(core_.host, crc2.context_address,
                                 {.to_host = Flags::DataOut::get(entry.flags),
                                  .wire_bytes = entry.transfer_length,
                                  .segments = entry.segment_count,
                                  .lists = Flags::SegmentList::get(entry.flags),
                                  .bundled = (crc2.add_flags & wire::kCtioProtectionSegments) != 0});
}

// Where the step's bytes are. False: the entry contradicts itself.
bool Target::place(const Request& request, Step& step, const wire::Ctio7Mode0& entry) {
  const std::uint16_t flags = entry.flags;
  const unsigned mode = Flags::Mode::get(flags);
  const bool moves = Flags::DataIn::get(flags) || Flags::DataOut::get(flags);
  const auto wrong = [&](std::string_view what) {
    core_.host.fault(fmt::format("CTIO with flags {:04x}: {}", flags, what));
    return false;
  };
  if (Flags::DataIn::get(flags) && Flags::DataOut::get(flags)) return wrong("data both ways");
  const bool is_protected = request.head().type == static_cast<std::uint8_t>(wire::EntryType::kCtioCrc2);
  if (Flags::SegmentList::get(flags) && !is_protected) return wrong("segment lists are not for this chip");
  if (is_protected && (!moves || mode != 0)) return wrong("protects nothing");
  if (Flags::Terminate::get(flags)) return true;
  if (!moves && !Flags::SendStatus::get(flags)) return wrong("asks for nothing");
  if (moves && mode != 0) return wrong("data in a mode that carries none");
  if (mode == 3) return wrong("mode 3");
  if (mode == 1 || !(moves || mode == 2)) {
    build_response(step, entry);
    return true;
  }
  const Exchange& exchange = exchanges_[step.id.index()];
  const std::uint32_t offset = entry.relative_offset, length = entry.transfer_length;
  if (const char* what = gather(request, step, entry))
    return wrong(fmt::format("{}: {} bytes in {} segments for {}", what, step.data.total(),
                             std::uint16_t{entry.segment_count}, length));
  step.in_host = true;
  if (mode == 2) return true;
  if (length == 0) return wrong("moves nothing");
  if (offset > exchange.data_length || length > exchange.data_length - offset)
    return wrong(fmt::format("bytes {} to {} of {}", offset, offset + length, exchange.data_length));
  step.base = offset;
  if (Flags::SendStatus::get(flags) && Flags::DataOut::get(flags)) {
    build_response(step, entry);
    step.then_respond = true;
  }
  return true;
}

fc::StepStatus Target::start(Step& step, std::uint32_t tag, const wire::CtioHead& head) {
  const std::uint16_t flags = head.flags;
  Exchange& exchange = exchanges_[step.id.index()];
  if (Flags::Terminate::get(flags)) {
    ended(step.id);
    return core_.port.terminate(step.id, tag, !exchange.aborted);
  }
  if (!Flags::DataIn::get(flags) && !Flags::DataOut::get(flags)) return start_response(step, tag, head);
  const auto mode0 = std::bit_cast<wire::Ctio7Mode0>(step.entry);
  fc::DataStep data{
      .tag = tag,
      .offset = mode0.relative_offset,
      .length = mode0.transfer_length,
      .response = {},
      .limit = std::chrono::seconds(head.timeout == 0xFFFF ? std::uint16_t{0} : std::uint16_t{head.timeout})};
  if (Flags::DataOut::get(flags)) return core_.port.receive_data(step.id, data);
  if (Flags::SendStatus::get(flags))
    data.response = {true, static_cast<std::uint8_t>(head.scsi_status), rsp_flags(head), head.residual};
  return core_.port.send_data(step.id, data);
}

fc::StepStatus Target::start_response(Step& step, std::uint32_t tag, const wire::CtioHead& head) {
  if (Flags::Mode::get(head.flags) == 2)
    return core_.port.send_response(step.id, tag, std::bit_cast<wire::Ctio7Mode0>(step.entry).transfer_length);
  step.in_host = false;
  return core_.port.send_response(step.id, tag, step.response_size);
}

// FCP_RSP from the fields of modes 0 and 1.
void Target::build_response(Step& step, const wire::CtioHead& head) {
  FcpRsp rsp;
  rsp.flags = rsp_flags(head);
  rsp.status = static_cast<std::uint8_t>(head.scsi_status);
  rsp.residual = std::uint32_t{head.residual};
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
  FcpRsp rsp;
  rsp.flags = rsp_flags(entry);
  rsp.status = static_cast<std::uint8_t>(entry.scsi_status);
  rsp.residual = std::uint32_t{entry.residual};
  core_.port.send_bare_response(entry.vp, PortId{entry.initiator}, entry.ox_id, std::as_bytes(std::span(&rsp, 1)));
  complete(request.origin, request.entries[0], wire::CtioStatus::kOk);
}

}  // namespace emu::qla
