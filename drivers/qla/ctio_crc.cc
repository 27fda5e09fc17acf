// Protected transfers as CTIOs: the context, its lists, and what is sent of them.
#include "drivers/qla/ctio_crc.h"

#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/endian.h"
#include "drivers/qla/ctio.h"
#include "drivers/qla/queue.h"

namespace qla {
namespace {

using hal::ProtectionTransfer;
using Context = wire::CrcContext;
using Flags = wire::CtioFlags;

std::uint16_t options_of(const ProtectionTransfer& protection) {
  using Mode = ProtectionTransfer::Mode;
  const unsigned mode = protection.mode == Mode::kInsert  ? wire::kProtectionInsert
                        : protection.mode == Mode::kStrip ? wire::kProtectionRemove
                                                          : wire::kProtectionPass;
  return static_cast<std::uint16_t>(Context::Mode::of(static_cast<std::uint16_t>(mode)) | Context::Bundled::of(true) |
                                    Context::NoGuardCheck::of(!protection.check_guard) |
                                    Context::NoApplicationCheck::of(!protection.check_application) |
                                    Context::NoReferenceCheck::of(!protection.check_reference) |
                                    Context::NoReferenceIncrement::of(!protection.counts) |
                                    Context::ApplicationEscape::of(!protection.escape_is_of_both) |
                                    Context::ApplicationReferenceEscape::of(protection.escape_is_of_both));
}

// A list at `at` bytes into `memory`, which ends with a segment of nothing; returns what refers to it.
wire::DataSegment put_list(hal::DmaSpan memory, std::size_t at, std::span<const hal::DmaSpan> segments) {
  wire::DataSegment* to = reinterpret_cast<wire::DataSegment*>(memory.bytes.data() + at);
  static_assert(alignof(wire::DataSegment) == 1);
  for (const hal::DmaSpan& segment : segments) {
    *to++ = {segment.iova.raw, static_cast<std::uint32_t>(segment.bytes.size())};
  }
  *to = {};
  return {memory.iova.raw + at, static_cast<std::uint32_t>((segments.size() + 1) * sizeof(wire::DataSegment))};
}

}  // namespace

void fill_protected(wire::CtioCrc2& ctio, const hal::fc::ExchangeData& data, bool to_initiator, hal::DmaSpan memory) {
  const ProtectionTransfer& protection = *data.protection;
  CHECK(data.segments.size() <= kProtectedSegments && protection.segments.size() <= kInformationSegments);
  std::uint32_t bytes = 0;
  for (const hal::DmaSpan& segment : data.segments) bytes += static_cast<std::uint32_t>(segment.bytes.size());
  Context context{};
  context.handle = std::uint32_t{ctio.head.handle};
  context.reference_tag = protection.reference_tag;
  context.application_tag = protection.application_tag;
  context.reference_tag_mask.fill(0xff);
  context.application_tag_mask = std::bit_cast<wire::Bytes<2>>(base::be16(protection.application_tag_mask));
  context.options = options_of(protection);
  context.block_size = static_cast<std::uint16_t>(protection.block_size);
  context.byte_count = bytes;
  context.protection_byte_count =
      bytes / protection.block_size * static_cast<std::uint32_t>(sizeof(hal::ProtectionTuple));
  context.segment_count = static_cast<std::uint16_t>(data.segments.size());
  context.data = put_list(memory, sizeof context, data.segments);
  const std::size_t behind = sizeof context + (data.segments.size() + 1) * sizeof(wire::DataSegment);
  context.protection = put_list(memory, behind, protection.segments);
  std::memcpy(memory.bytes.data(), &context, sizeof context);
  ctio.head.type = static_cast<std::uint8_t>(wire::EntryType::kCtioCrc2);
  ctio.add_flags = wire::kCtioProtectionSegments;
  ctio.segment_count = static_cast<std::uint16_t>(data.segments.size());
  ctio.relative_offset = data.offset;
  ctio.transfer_length = data.length;
  ctio.context_address = memory.iova.raw;
  ctio.context_length = static_cast<std::uint16_t>(sizeof context);
  ctio.flags = static_cast<std::uint16_t>(ctio.flags | Flags::SegmentList::kMask |
                                          (to_initiator ? Flags::DataIn::kMask : Flags::DataOut::kMask));
}

// All of a step goes in one: a part of a block could not be checked.
void TargetQueue::send_protected_step(Slot& slot, DataStep& step) {
  wire::CtioCrc2 ctio{};
  static_cast<wire::CtioHead&>(ctio) = slot.ctio;
  ctio.head.handle = step.handle.raw;
  fill_protected(ctio, step.data, step.to_initiator, memory_.response_iu(slot.number));
  step.data.segments = {};
  if (step.data.with_status) {
    slot.finished = step.data.residual_flags == 0;
    step.status_next = !slot.finished;
    if (slot.finished) ctio.flags = static_cast<std::uint16_t>(ctio.flags | Flags::SendStatus::kMask);
  }
  ring_.next(ctio);
}

// A check failed. No status was sent: the exchange lives, and its user says what is to become of it.
void TargetQueue::protection_failed(Slot& slot, DataStep& step, const wire::CtioCrc2Done& done) {
  ++site_.counters[Count::kProtectionFaults];
  slot.fault = {std::bit_cast<hal::ProtectionTuple>(done.actual), std::bit_cast<hal::ProtectionTuple>(done.expected)};
  slot.finished = false;
  step.status_next = false;
  step.status = hal::fc::DataStatus::kProtection;
  step.state = DataStep::State::kDone;
  settle(slot);
}

}  // namespace qla
