// INQUIRY: standard data and the frame of VPD pages; also where no logical unit is mapped (SPC-5 6.6).
#include "base/bits.h"
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/data_in.h"
#include "scsi_core/disk/vpd.h"

namespace scsi::disk {
namespace {

using base::be16;

// Qualifier and type: SPC-5 tables 142 and 143.
constexpr std::uint8_t kNoLogicalUnit = 0x7f;  // 011b, 1Fh
constexpr std::uint8_t kWellKnownLogicalUnit = 0x1e;

struct StandardInquiry {
  std::uint8_t peripheral;
  std::uint8_t rmb;
  std::uint8_t version = 0x06;  // SPC-4
  std::uint8_t format = 0x12;   // HISUP = 1, RESPONSE DATA FORMAT = 2
  std::uint8_t additional_length = 91;
  std::uint8_t sccs_tpgs_3pc_protect = 0;
  std::uint8_t encserv_multip = 0;
  std::uint8_t cmdque = 0x02;
};
static_assert(sizeof(StandardInquiry) == 8);
using Rmb = base::Flag8<7>;
using ProtectBit = base::Flag8<0>;

struct VpdHeader {
  std::uint8_t peripheral;
  std::uint8_t page_code;
  be16 page_length;
};
static_assert(sizeof(VpdHeader) == 4);

std::uint8_t peripheral(const Command& c) {
  if (c.core.lu != nullptr) return c.core.lu->server().device_type();
  return c.lun == kReportLunsWellKnown ? kWellKnownLogicalUnit : kNoLogicalUnit;
}

// Version descriptors, SPC-5 table 149; the transport's by protocol identifier.
void put_versions(const Command& c, base::Writer& out) {
  constexpr std::uint16_t kSam5 = 0x00a0, kSpc4 = 0x0460, kSbc3 = 0x04c0;
  constexpr std::uint16_t kFcp4 = 0x0a40, kSrp = 0x0940, kIscsi = 0x0960;
  const std::uint8_t protocol = c.nexus->port.identity().protocol;
  const std::uint16_t transport = protocol == 0 ? kFcp4 : protocol == 4 ? kSrp : protocol == 5 ? kIscsi : 0;
  for (const std::uint16_t version : {kSam5, kSpc4, c.core.lu != nullptr ? kSbc3 : std::uint16_t{0}, transport}) {
    out.put(be16(version));
  }
}

void standard(const Command& c, base::Writer& out) {
  static const LuConfig kNobody;
  const LuConfig& config = c.core.lu != nullptr ? c.core.lu->config() : kNobody;
  out.put(StandardInquiry{.peripheral = peripheral(c),
                          .rmb = Rmb::of(config.removable),
                          .sccs_tpgs_3pc_protect = ProtectBit::of(config.protection_type != 0)});
  out.ascii(config.vendor, 8);
  out.ascii(config.product, 16);
  out.ascii(config.revision, 4);
  out.fill(58 - 36);
  put_versions(c, out);
  out.fill(96 - out.wanted());
}

}  // namespace

void inquiry(Command& c) {
  const auto& cdb = wire<cdb::Inquiry>(c);
  DataIn data(16384);
  if (!cdb::Evpd::get(cdb.flags)) {
    if (cdb.page_code != 0) return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::Inquiry, page_code)));
    standard(c, data.out());
    return data.reply(c, cdb.allocation_length);
  }
  const VpdPage* page = find_vpd_page(c, cdb.page_code);
  if (page == nullptr) return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::Inquiry, page_code)));
  if (page->code == kScsiPortsPage) return inquire_scsi_ports(c);
  data.out().put(VpdHeader{peripheral(c), page->code, 0});
  page->write(c, data.out());
  data.patch_length<be16>(offsetof(VpdHeader, page_length));
  data.reply(c, cdb.allocation_length);
}

}  // namespace scsi::disk
