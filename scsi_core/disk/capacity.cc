// READ CAPACITY (10) and (16), READ DEFECT DATA (10) and (12).
#include "base/bits.h"
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/data_in.h"

namespace scsi::disk {
namespace {

using base::be16;
using base::be32;
using base::be64;

struct Capacity10 {  // SBC-4 5.20.2
  be32 returned_logical_block_address;
  be32 logical_block_length;
};
static_assert(sizeof(Capacity10) == 8);

struct Capacity16 {  // SBC-4 5.21.2
  be64 returned_logical_block_address;
  be32 logical_block_length;
  std::uint8_t protection;
  std::uint8_t exponents;
  be16 provisioning_and_lowest_aligned;
  std::uint8_t reserved[16];
};
static_assert(sizeof(Capacity16) == 32);
using ProtectionType = base::Bits8<3, 1>;
using ProtectionEnabled = base::Flag8<0>;
using PhysicalExponent = base::Bits8<3, 0>;  // beside P_I_EXPONENT: one protection interval a block
using Lbpme = base::Flag<std::uint16_t, 15>;
using Lbprz = base::Flag<std::uint16_t, 14>;

struct DefectHeader10 {  // SBC-4 5.22.2
  std::uint8_t reserved;
  std::uint8_t flags;
  be16 defect_list_length;
};
static_assert(sizeof(DefectHeader10) == 4);

struct DefectHeader12 {  // SBC-4 5.23.2
  std::uint8_t reserved;
  std::uint8_t flags;
  be16 generation_code;
  be32 defect_list_length;
};
static_assert(sizeof(DefectHeader12) == 8);

std::uint64_t last_block(const Command& c) {
  const std::uint64_t blocks = c.core.lu->blocks.load(std::memory_order_relaxed);
  return blocks == 0 ? 0 : blocks - 1;
}

}  // namespace

void read_capacity_10(Command& c) {
  DataIn data;
  data.out().put(Capacity10{static_cast<std::uint32_t>(std::min<std::uint64_t>(last_block(c), 0xffff'ffff)),
                            static_cast<std::uint32_t>(block_size(c))});
  data.reply(c, sizeof(Capacity10));
}

void read_capacity_16(Command& c) {
  const StoreGeometry geometry = c.core.lu->geometry();
  Capacity16 capacity{};
  capacity.returned_logical_block_address = last_block(c);
  capacity.logical_block_length = static_cast<std::uint32_t>(block_size(c));
  if (const std::uint8_t type = server(c).protection_type(); type != 0) {
    capacity.protection = static_cast<std::uint8_t>(ProtectionType::of(static_cast<std::uint8_t>(type - 1)) |
                                                    ProtectionEnabled::of(true));
  }
  capacity.exponents = PhysicalExponent::of(geometry.physical_exponent);
  capacity.provisioning_and_lowest_aligned =
      static_cast<std::uint16_t>(Lbpme::of(geometry.thin) | Lbprz::of(geometry.thin));
  DataIn data;
  data.out().put(capacity);
  data.reply(c, wire<cdb::ServiceActionIn16>(c).allocation_length);
}

// There are no defects to list: the lists asked for are returned empty, in the format asked for.
void read_defect_data_10(Command& c) {
  const auto& cdb = wire<cdb::ReadDefectData10>(c);
  DataIn data;
  data.out().put(DefectHeader10{0, cdb.flags, 0});
  data.reply(c, cdb.allocation_length);
}

void read_defect_data_12(Command& c) {
  const auto& cdb = wire<cdb::ReadDefectData12>(c);
  DataIn data;
  data.out().put(DefectHeader12{0, cdb.flags, 0, 0});
  data.reply(c, cdb.allocation_length);
}

}  // namespace scsi::disk
