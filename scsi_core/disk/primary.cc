// TEST UNIT READY, REQUEST SENSE and REPORT LUNS; the last two also where no logical unit is mapped.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/data_in.h"

namespace scsi::disk {
namespace {

// What REQUEST SENSE tells when no unit attention condition is pending.
SenseCode condition(const Command& c) {
  if (c.core.lu == nullptr) {
    return c.lun == kReportLunsWellKnown ? kNoAdditionalSense : kLogicalUnitNotSupported;
  }
  const std::uint32_t flags = c.core.lu->flags.load(std::memory_order_relaxed);
  if (flags & kLuRemoving) return kLogicalUnitNotSupported;
  if (flags & kLuFailed) return kLogicalUnitFailure;
  if (flags & kLuEjected) return kMediumNotPresent;
  if (flags & kLuStopped) return kInitializingCommandRequired;
  if (flags & kLuMetadataUnreadable) return kManualInterventionRequired;
  return kNoAdditionalSense;
}

}  // namespace

// The engine has looked whether the unit is ready: the row needs the medium.
void test_unit_ready(Command& c) { finish(c); }

void request_sense(Command& c) {
  const auto& cdb = wire<cdb::RequestSense>(c);
  const auto attention = take_unit_attention(c);
  const Sense sense{.code = attention.value_or(condition(c))};
  std::array<std::byte, Sense::kMaxSize> bytes{};
  const std::size_t length = sense.encode(cdb::Desc::get(cdb.flags), bytes);
  DataIn data;
  data.out().bytes(std::span(bytes).first(length));
  data.reply(c, cdb.allocation_length);
}

// SPC-5 6.33. There are no logical unit conglomerates, so no administrative (10h) nor subsidiary (12h) logical units.
void report_luns(Command& c) {
  const auto& cdb = wire<cdb::ReportLuns>(c);
  const std::uint8_t select = cdb.select_report;
  const bool mapped = select == 0x00 || select == 0x02 || select == 0x11;
  const bool well_known = select == 0x01 || select == 0x02;
  if (!mapped && !well_known && select != 0x10 && select != 0x12) {
    return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::ReportLuns, select_report)));
  }
  const auto entries = c.nexus->map().entries();
  DataIn data(8 + sizeof(Lun) * (entries.size() + 1));
  data.out().put(base::be32(0));
  data.out().fill(4);
  for (const LunMapEntry& entry : entries) {
    if (mapped) data.out().put(Lun::of(entry.lun));
  }
  if (well_known) data.out().put(kReportLunsWellKnown);
  data.out().patch(0, base::be32(static_cast<std::uint32_t>(data.out().wanted() - 8)));
  clear_reported_luns_changed(c);
  data.reply(c, cdb.allocation_length);
}

}  // namespace scsi::disk
