// Vital product data pages (SPC-5 7.7, SBC-4 6.6), each a function that writes what follows the page header.
#pragma once

#include <cstdint>

#include "base/cursor.h"
#include "scsi_core/command.h"

namespace scsi::disk {

using WriteVpd = void (*)(const Command& c, base::Writer& out);

struct VpdPage {
  std::uint8_t code;
  WriteVpd write;  // null: page 88h
};

// Null: the page is not supported here. Logical unit or not: c.core.lu may be null, then there are fewer.
const VpdPage* find_vpd_page(const Command& c, std::uint8_t code);

// vpd_identification.cc
void vpd_device_identification(const Command& c, base::Writer& out);
void put_scsi_port(base::Writer& out, const TargetPortIdentity& port);  // one entry of page 88h
// scsi_ports.cc
inline constexpr std::uint8_t kScsiPortsPage = 0x88;
void inquire_scsi_ports(Command& c);  // page 88h as a whole: asks the other reactors
// vpd_block.cc
void vpd_block_limits(const Command& c, base::Writer& out);
void vpd_block_device_characteristics(const Command& c, base::Writer& out);
void vpd_logical_block_provisioning(const Command& c, base::Writer& out);

}  // namespace scsi::disk
