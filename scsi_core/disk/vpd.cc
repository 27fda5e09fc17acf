// The list of VPD pages, and the short ones: supported pages, unit serial number, extended INQUIRY, mode page policy.
#include "scsi_core/disk/vpd.h"

#include <algorithm>

#include "base/bits.h"
#include "base/endian.h"
#include "scsi_core/disk/disk.h"

namespace scsi::disk {
namespace {

void supported_pages(const Command& c, base::Writer& out);

void serial_number(const Command& c, base::Writer& out) { out.text(c.core.lu->config().serial); }

struct ExtendedInquiry {  // SPC-5 7.7.7
  std::uint8_t activate_microcode_spt_chk = 0;
  std::uint8_t task_support = 0;
  std::uint8_t cache_support = 0;
  std::uint8_t p_i_i_luiclr = 0;
  std::uint8_t r_sup_cbcs = 0;
  std::uint8_t microcode_download = 0;
  base::be16 self_test_minutes;
  std::uint8_t poa_hra_vsa = 0;
  std::uint8_t maximum_supported_sense_data_length = 0;
  std::uint8_t reserved[50] = {};
};
static_assert(sizeof(ExtendedInquiry) == 60);
using Spt = base::Bits8<5, 3>;
using GuardCheck = base::Flag8<2>;
using ApplicationTagCheck = base::Flag8<1>;
using ReferenceTagCheck = base::Flag8<0>;
using HeadSup = base::Flag8<2>;
using OrdSup = base::Flag8<1>;
using SimpSup = base::Flag8<0>;
using VSup = base::Flag8<0>;

// SPT names the one type that this unit has. The application tag is known from 32-byte CDBs only; what the reference
// tag of type 3 is, nobody says.
std::uint8_t protection_checks(std::uint8_t type) {
  if (type == 0) return 0;
  constexpr std::uint8_t kSupported[] = {0, 0b000, 0b010, 0b100};
  return static_cast<std::uint8_t>(Spt::of(kSupported[type]) | GuardCheck::of(true) |
                                   ApplicationTagCheck::of(type == 2) | ReferenceTagCheck::of(type != 3));
}

void extended_inquiry(const Command& c, base::Writer& out) {
  ExtendedInquiry page;
  page.activate_microcode_spt_chk = protection_checks(server(c).protection_type());
  page.task_support = HeadSup::of(true) | OrdSup::of(true) | SimpSup::of(true);
  page.cache_support = VSup::of(server(c).volatile_cache());
  page.maximum_supported_sense_data_length = Sense::kMaxSize;
  out.put(page);
}

// All mode pages are shared by all I_T nexuses.
void mode_page_policy(const Command&, base::Writer& out) {
  constexpr std::uint8_t kAllPages = 0x3f, kAllSubpages = 0xff, kShared = 0;
  out.put(kAllPages);
  out.put(kAllSubpages);
  out.put(kShared);
  out.fill(1);
}

// Ascending, as page 00h must list them.
constexpr VpdPage kPages[] = {
    {0x00, supported_pages},
    {0x80, serial_number},
    {0x83, vpd_device_identification},
    {0x86, extended_inquiry},
    {0x87, mode_page_policy},
    {kScsiPortsPage, nullptr},
    {0xb0, vpd_block_limits},
    {0xb1, vpd_block_device_characteristics},
    {0xb2, vpd_logical_block_provisioning},
};

// The REPORT LUNS well known logical unit has a name (SPC-5 7.7.6.1); an empty LUN has nothing.
bool supported(const Command& c, std::uint8_t code) {
  if (c.core.lu != nullptr) return true;
  return code == 0x00 || (code == 0x83 && c.lun == kReportLunsWellKnown);
}

void supported_pages(const Command& c, base::Writer& out) {
  for (const VpdPage& page : kPages) {
    if (supported(c, page.code)) out.put(page.code);
  }
}

}  // namespace

const VpdPage* find_vpd_page(const Command& c, std::uint8_t code) {
  const auto page =
      std::find_if(std::begin(kPages), std::end(kPages), [&](const VpdPage& p) { return p.code == code; });
  return page == std::end(kPages) || !supported(c, code) ? nullptr : page;
}

}  // namespace scsi::disk
