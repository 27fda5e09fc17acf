// PERSISTENT RESERVE IN: READ KEYS, READ RESERVATION, REPORT CAPABILITIES, READ FULL STATUS.
#include "scsi_core/reservation/report.h"

#include <array>

#include "base/bits.h"
#include "base/endian.h"
#include "scsi_core/reservation/transport_id.h"

namespace scsi {
namespace {

struct Header {
  base::be32 prgeneration;
  base::be32 additional_length;
};
constexpr std::size_t kAdditionalLengthAt = 4;

using Scope = base::Bits8<7, 4>;
using Type = base::Bits8<3, 0>;

struct ReservationDescriptor {  // SPC-5 table 197
  base::be64 reservation_key;
  base::be32 obsolete;
  std::uint8_t reserved;
  std::uint8_t scope_and_type;
  base::be16 obsolete2;
};

struct FullStatusDescriptor {  // SPC-5 table 203; followed by the TransportID
  base::be64 reservation_key;
  base::be32 reserved;
  std::uint8_t all_tg_pt_and_r_holder;
  std::uint8_t scope_and_type;
  base::be32 reserved2;
  base::be16 relative_target_port_identifier;
  base::be32 additional_descriptor_length;
};
using RHolder = base::Flag8<0>;

struct Capabilities {  // SPC-5 table 200
  base::be16 length;
  std::uint8_t features;
  std::uint8_t commands;
  base::be16 type_mask;
  base::be16 reserved;
};
using RlrC = base::Flag8<7>;
using Crh = base::Flag8<4>;
using SipC = base::Flag8<3>;
using AtpC = base::Flag8<2>;
using PtplC = base::Flag8<0>;
using Tmv = base::Flag8<7>;
using AllowCommands = base::Bits8<6, 4>;
using PtplA = base::Flag8<0>;

static_assert(sizeof(Header) == 8 && sizeof(ReservationDescriptor) == 16 && sizeof(FullStatusDescriptor) == 24 &&
              sizeof(Capabilities) == 8);

std::uint8_t scope_and_type(const ReservationTable& table) {
  return Type::of(static_cast<std::uint8_t>(table.type()));  // SCOPE is always LU_SCOPE, 0
}

// WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX; EX_AC_AR.
constexpr std::uint16_t kAllTypes = 0xea01;
// TEST UNIT READY passes any reservation; nothing is said of the others (SPC-5 table 201).
constexpr std::uint8_t kAllowsTestUnitReady = 1;

}  // namespace

void report_keys(const ReservationTable& table, base::Writer& out) {
  const std::size_t length = table.registrations().size() * sizeof(base::be64);
  out.put(Header{table.generation(), static_cast<std::uint32_t>(length)});
  for (const Registration& each : table.registrations()) out.put(base::be64(each.key));
}

void report_reservation(const ReservationTable& table, base::Writer& out) {
  if (table.type() == ReservationType::kNone) {
    out.put(Header{table.generation(), 0});
    return;
  }
  std::uint64_t key = 0;  // with all registrants types
  if (table.holder().has_value()) {
    if (const Registration* const holder = table.find(*table.holder())) key = holder->key;
  }
  out.put(Header{table.generation(), static_cast<std::uint32_t>(sizeof(ReservationDescriptor))});
  out.put(ReservationDescriptor{key, 0, 0, scope_and_type(table), 0});
}

void report_capabilities(const ReservationTable& table, base::Writer& out) {
  Capabilities data{};
  data.length = sizeof(Capabilities);
  data.features =
      static_cast<std::uint8_t>(RlrC::of(true) | Crh::of(true) | SipC::of(true) | AtpC::of(true) | PtplC::of(true));
  data.commands =
      static_cast<std::uint8_t>(Tmv::of(true) | AllowCommands::of(kAllowsTestUnitReady) | PtplA::of(table.persists()));
  data.type_mask = kAllTypes;
  out.put(data);
}

void report_full_status(const ReservationTable& table, base::Writer& out) {
  const std::size_t start = out.wanted();
  out.put(Header{table.generation(), 0});
  for (const Registration& each : table.registrations()) {
    const auto initiator = encode_transport_id(each.nexus.initiator);
    const bool holds = table.holds(each.nexus);
    FullStatusDescriptor descriptor{};
    descriptor.reservation_key = each.key;
    descriptor.all_tg_pt_and_r_holder = RHolder::of(holds);
    descriptor.scope_and_type = holds ? scope_and_type(table) : std::uint8_t{0};
    descriptor.relative_target_port_identifier = each.nexus.relative_port_id;
    descriptor.additional_descriptor_length = static_cast<std::uint32_t>(initiator.size());
    out.put(descriptor);
    out.bytes(initiator);
  }
  out.patch(start + kAdditionalLengthAt, base::be32(static_cast<std::uint32_t>(out.wanted() - start - sizeof(Header))));
}

}  // namespace scsi
