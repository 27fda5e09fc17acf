// CTIOs: what they may say, and the steps that they become.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "emu/qla/target.h"

namespace emu::qla {

using Flags = wire::CtioFlags;

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

}  // namespace emu::qla
