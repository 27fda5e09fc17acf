// Entries about virtual ports (NPIV).
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct VpControl {
  EntryHead head;
  le16 vp_failed;
  le16 completion;
  le16 command;  // 0 enable, 8 disable, 9 and link again, A and LOGO, B and LOGO all
  le16 count;
  Bytes<16> map;  // bit per virtual port, from 1
  le16 flags;
  le16 id;
  le16 reserved36;
  le16 hop_count;
  Bytes<24> reserved40;
};
struct VpOptions {
  std::uint8_t options;
  std::uint8_t hard_address;
  le16 reserved2;
  Bytes8 port_name, node_name;
};
struct VpConfiguration {
  EntryHead head;
  le16 flags;
  le16 completion;
  std::uint8_t command;  // 0 modify, 1 modify and enable
  std::uint8_t count;
  Bytes<2> index;
  std::array<VpOptions, 2> port;
  le16 id;
  le16 reserved58;
  le16 hop_count;
  le16 reserved62;
};
struct ReportId {
  EntryHead head;
  std::uint8_t acquired, setup;  // counts
  std::uint8_t vp;
  std::uint8_t vp_status;
  le24 port_id;
  std::uint8_t format;  // 0 loop, 1 fabric, 2 N2N
  std::uint8_t subcode;
  std::uint8_t flags;
  le16 fip_flags;
  Bytes<12> reserved20;
  std::uint8_t reject_vendor, reject_explanation, reject_reason;
  Bytes<5> reserved35;
  Bytes8 port_name, node_name;  // of the F_Port or the other N_Port
  le16 bb_credit;
  le16 reserved58;
  le24 remote_id;  // N2N
  std::uint8_t reserved63;

  using Topology = base::Bits8<3, 1>;  // 1 FL_Port, 2 N2N, 3 F_Port
};
static_assert(sizeof(VpControl) == kEntryBytes && sizeof(VpConfiguration) == kEntryBytes);
static_assert(sizeof(ReportId) == kEntryBytes);

}  // namespace qla::wire
