// Commands and task management as the host's entries have them.
#include <fmt/format.h>

#include "emu/qla/initiator.h"

namespace emu::qla {
namespace {

using hal::fc::FcpCmnd;
constexpr std::size_t kMostCmnd = 512;

bool has_command(const wire::Command6& entry) {
  return entry.fcp_cmnd_length >= sizeof(FcpCmnd) && entry.fcp_cmnd_length <= kMostCmnd;
}

}  // namespace

void Initiator::command7(const Request& request) {
  const auto entry = request.as<wire::Command7>();
  if (!check(request, entry.flags, entry.reserved14, "command type 7")) return;
  const auto tag = take(request);
  if (!tag) return;
  Slot& slot = slots_[*tag];
  slot.byte_count = entry.byte_count;
  if (!slot.data.gather(request.entries, std::span(&entry.segment, 1), entry.segment_count) ||
      slot.data.total() < slot.byte_count) {
    core_.host.fault(fmt::format("command type 7: {} bytes in {} segments for a byte count of {}", slot.data.total(),
                                 std::uint16_t{entry.segment_count}, slot.byte_count));
    release(*tag);
    return core_.refuse(request, wire::kEntryBadParameter);
  }
  FcpCmnd cmnd;
  swap_words(cmnd.lun, entry.lun);
  swap_words(cmnd.cdb, entry.cdb);
  cmnd.command_reference_number = entry.command_reference_number;
  cmnd.priority_attribute = entry.task_attribute;
  cmnd.task_management_flags = static_cast<std::uint8_t>(entry.flags >> 8 & 0x76);
  cmnd.additional_length = static_cast<std::uint8_t>(entry.flags & 3);
  cmnd.data_length = slot.byte_count;
  start(*tag, entry.nport, PortId{entry.port_id}, entry.vp, entry.timeout, std::as_bytes(std::span(&cmnd, 1)),
        entry.flags);
}

void Initiator::command6(const Request& request) {
  const auto entry = request.as<wire::Command6>();
  if (!check(request, entry.flags, 0, "command type 6")) return;
  const auto tag = take(request);
  if (!tag) return;
  Slot& slot = slots_[*tag];
  slot.byte_count = entry.byte_count;
  if (!has_command(entry) || !slot.data.gather(request.entries, std::span(&entry.segment, 1), entry.segment_count) ||
      slot.data.total() < slot.byte_count) {
    core_.host.fault("command type 6: lengths and segments do not agree");
    release(*tag);
    return core_.refuse(request, wire::kEntryBadParameter);
  }
  start_from_memory(*tag, entry);
}

void Initiator::start_from_memory(std::uint32_t tag, const wire::Command6& entry) {
  slots_[tag].response_address = entry.fcp_rsp_address;
  slots_[tag].response_room = entry.response_segment_length;
  std::array<std::byte, kMostCmnd> cmnd;
  const auto bytes = std::span(cmnd).first(entry.fcp_cmnd_length);
  if (!core_.host.dma_read({entry.fcp_cmnd_address}, bytes)) return fail(tag, wire::Completion::kDmaError);
  start(tag, entry.nport, PortId{entry.port_id}, entry.vp, entry.timeout, bytes, entry.flags);
}

void Initiator::command_crc2(const Request& request) {
  const auto entry = request.as<wire::CommandCrc2>();
  const std::uint16_t flags = entry.flags;
  if (!check(request, wire::Command7::SegmentList::set(flags, false), entry.reserved62, "protected command")) return;
  const auto tag = take(request);
  if (!tag) return;
  Slot& slot = slots_[*tag];
  slot.byte_count = entry.byte_count;
  const auto as_command6 = request.as<wire::Command6>();
  const char* wrong = has_command(as_command6) ? nullptr : "length of FCP_CMND";
  if (wrong == nullptr && entry.context_length < sizeof(wire::CrcContext)) wrong = "length of the context";
  if (wrong == nullptr && slot.byte_count != 0)
    wrong = slot.protection.prepare(core_.host, entry.context_address,
                                    {.to_host = wire::Command7::ReadData::get(flags),
                                     .wire_bytes = slot.byte_count,
                                     .segments = entry.segment_count,
                                     .lists = wire::Command7::SegmentList::get(flags),
                                     .bundled = wire::CommandCrc2::ProtectionSegments::get(flags)});
  if (wrong != nullptr) {
    core_.host.fault(fmt::format("protected command: {}", wrong));
    release(*tag);
    return core_.refuse(request, wire::kEntryBadParameter);
  }
  core_.count("protected commands");
  start_from_memory(*tag, as_command6);
}

void Initiator::task_management(const Request& request) {
  const auto entry = request.as<wire::TaskManagement>();
  if (!check(request, 0, entry.reserved10, "task management")) return;
  const auto tag = take(request);
  if (!tag) return;
  const std::uint32_t flags = entry.flags;
  FcpCmnd cmnd;
  swap_words(cmnd.lun, entry.lun);
  using T = wire::TaskManagement;
  cmnd.task_management_flags = static_cast<std::uint8_t>((T::LunReset::get(flags) ? FcpCmnd::kLogicalUnitReset : 0) |
                                                         (T::AbortTaskSet::get(flags) ? FcpCmnd::kAbortTaskSet : 0) |
                                                         (T::ClearTaskSet::get(flags) ? FcpCmnd::kClearTaskSet : 0) |
                                                         (T::TargetReset::get(flags) ? FcpCmnd::kTargetReset : 0) |
                                                         (T::ClearAca::get(flags) ? FcpCmnd::kClearAca : 0));
  if (T::NothingToTarget::get(flags)) return ended(*tag, {});
  start(*tag, entry.nport, PortId{entry.port_id}, entry.vp, entry.timeout, std::as_bytes(std::span(&cmnd, 1)), 0);
}

}  // namespace emu::qla
