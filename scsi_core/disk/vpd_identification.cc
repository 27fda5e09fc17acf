// VPD pages 83h and 88h: names of the logical unit, of the target port and of the SCSI target device
// (SPC-5 7.7.6, 7.7.16).
#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "base/bits.h"
#include "base/endian.h"
#include "scsi_core/disk/disk.h"
#include "scsi_core/disk/vpd.h"

namespace scsi::disk {
namespace {

using base::be16;

enum CodeSet : std::uint8_t { kBinary = 1, kAscii = 2, kUtf8 = 3 };
enum Association : std::uint8_t { kLogicalUnit = 0, kTargetPort = 1, kTargetDevice = 2 };
enum Designator : std::uint8_t {
  kT10VendorId = 1,
  kEui64 = 2,
  kNaa = 3,
  kRelativeTargetPort = 4,
  kTargetPortGroup = 5,
  kScsiNameString = 8,
};

struct DesignatorHeader {  // SPC-5 table 571
  std::uint8_t protocol_code_set;
  std::uint8_t piv_association_type;
  std::uint8_t reserved;
  std::uint8_t length;
};
static_assert(sizeof(DesignatorHeader) == 4);
using Protocol = base::Bits8<7, 4>;
using CodeSetField = base::Bits8<3, 0>;
using Piv = base::Flag8<7>;
using AssociationField = base::Bits8<5, 4>;
using TypeField = base::Bits8<3, 0>;

// `protocol` is told for ports and devices only.
void put_header(base::Writer& out, std::uint8_t protocol, CodeSet code, Association association, Designator type,
                std::size_t length) {
  const bool piv = association != kLogicalUnit;
  out.put(DesignatorHeader{
      static_cast<std::uint8_t>((piv ? Protocol::of(protocol) : 0) | CodeSetField::of(code)),
      static_cast<std::uint8_t>(Piv::of(piv) | AssociationField::of(association) | TypeField::of(type)), 0,
      static_cast<std::uint8_t>(length)});
}

// NUL-terminated, NUL-padded to a multiple of four (SPC-5 7.7.6.11).
void put_name(base::Writer& out, std::uint8_t protocol, Association association, std::string_view name) {
  name = name.substr(0, 251);
  const std::size_t padded = (name.size() + 4) & ~std::size_t{3};
  put_header(out, protocol, kUtf8, association, kScsiNameString, padded);
  out.text(name);
  out.fill(padded - name.size());
}

void put_logical_unit(base::Writer& out, const LuConfig& config) {
  if (config.naa_high != 0) {
    put_header(out, 0, kBinary, kLogicalUnit, kNaa, 16);
    out.put(base::be64(config.naa_high));
    out.put(base::be64(config.naa_low));
  }
  const std::string_view serial = std::string_view(config.serial).substr(0, 36);
  put_header(out, 0, kAscii, kLogicalUnit, kT10VendorId, 8 + 16 + serial.size());
  out.ascii(config.vendor, 8);
  out.ascii(config.product, 16);
  out.text(serial);
  if (config.naa_high != 0)
    put_name(out, 0, kLogicalUnit, fmt::format("naa.{:016X}{:016X}", config.naa_high, config.naa_low));
}

// A port's own name: its SCSI name string, or the identifier of its fabric as it stands.
void put_port_name(base::Writer& out, const TargetPortIdentity& port) {
  constexpr std::uint8_t kFcp = 0, kSrp = 4, kIscsi = 5;
  const std::string& name = port.port_name;
  if (port.protocol == kIscsi) return put_name(out, port.protocol, kTargetPort, name);
  if ((port.protocol == kFcp && name.size() == 8) || (port.protocol == kSrp && name.size() == 16)) {
    put_header(out, port.protocol, kBinary, kTargetPort, port.protocol == kFcp ? kNaa : kEui64, name.size());
    out.text(name);
  }
}

void put_target_device(base::Writer& out, const TargetPortIdentity& port) {
  constexpr std::uint8_t kIscsi = 5;
  if (port.protocol == kIscsi) put_name(out, port.protocol, kTargetDevice, port.target_name);
}

}  // namespace

void vpd_device_identification(const Command& c, base::Writer& out) {
  const TargetPortIdentity& port = c.nexus->port.identity();
  if (c.core.lu != nullptr) {
    put_logical_unit(out, c.core.lu->config());
    put_header(out, port.protocol, kBinary, kTargetPort, kRelativeTargetPort, 4);
    out.put(be16(0));
    out.put(be16(port.relative_id));
    put_header(out, port.protocol, kBinary, kTargetPort, kTargetPortGroup, 4);
    out.put(be16(0));
    out.put(be16(port.port_group));
    put_port_name(out, port);
  }
  put_target_device(out, port);
}

void put_scsi_port(base::Writer& out, const TargetPortIdentity& port) {
  out.fill(2);
  out.put(be16(port.relative_id));
  out.fill(4);  // no INITIATOR PORT TRANSPORTID
  out.fill(2);
  const std::size_t length_at = out.wanted();
  out.put(be16(0));
  put_port_name(out, port);
  out.patch(length_at, be16(static_cast<std::uint16_t>(out.wanted() - length_at - 2)));
}

}  // namespace scsi::disk
