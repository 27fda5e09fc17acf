// The opcode table of a unit with protection information: the rows of any disk with other handlers, and 32-byte CDBs.
//
// Data and information are written one after the other, so that every command that writes holds its blocks: nobody
// reads them in between. ORWRITE is not offered: the information of what it makes would be the device server's alone.
#include <algorithm>

#include "scsi_core/disk/cdb.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/opcode_table.h"

namespace scsi::disk {
namespace {

struct Replacement {
  Step plain, with_protection;
};
constexpr Replacement kReplacements[] = {
    {read, protected_read},
    {read_6, protected_read},
    {write, protected_write},
    {write_6, protected_write},
    {write_atomic, protected_write_atomic},
    {write_and_verify, protected_write_and_verify},
    {verify, protected_verify},
    {write_same, protected_write_same},
    {compare_and_write, protected_compare_and_write},
};

Extent extent_32(const std::uint8_t* cdb) {
  const auto& c = *reinterpret_cast<const cdb::Medium32*>(cdb);
  return {c.logical_block_address, c.transfer_length};
}
Extent extent_32_to_end(const std::uint8_t* cdb) {
  const Extent e = extent_32(cdb);
  return {e.lba, e.blocks == 0 ? ~std::uint64_t{0} - e.lba : e.blocks};
}

constexpr auto kIn = DataDirection::kIn;
constexpr auto kOut = DataDirection::kOut;
constexpr std::uint16_t kMedium = kNeedsMedium;
constexpr std::uint16_t kWrites = kNeedsMedium | kWritesMedium;
using S = Serial;
using R = Conflict;

// Usage: group number, the fixed length 18h, the service action, the flags of byte 10, addresses, tags and lengths.
#define LONG_USAGE(sa, flags)                                                                                       \
  {                                                                                                                 \
    kVariableLengthCdb, 0, 0, 0, 0, 0, 0x3f, 0x18, 0, sa, flags, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, \
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff                                      \
  }
constexpr OpcodeRow kLongRows[] = {
    {kVariableLengthCdb, 8, 0x09, "READ(32)", protected_read, 32, LONG_USAGE(0x09, 0xf8), kIn, S::kRead, R::kRead,
     kMedium, extent_32, 1, 30},
    {kVariableLengthCdb, 8, 0x0a, "VERIFY(32)", protected_verify, 32, LONG_USAGE(0x0a, 0xf6), kOut, S::kRead, R::kRead,
     kMedium, extent_32, 1, 60},
    {kVariableLengthCdb, 8, 0x0b, "WRITE(32)", protected_write, 32, LONG_USAGE(0x0b, 0xf8), kOut, S::kExclusiveRange,
     R::kWrite, kWrites, extent_32, 1, 30},
    {kVariableLengthCdb, 8, 0x0c, "WRITE AND VERIFY(32)", protected_write_and_verify, 32, LONG_USAGE(0x0c, 0xf6), kOut,
     S::kExclusiveRange, R::kWrite, kWrites, extent_32, 2, 60},
    {kVariableLengthCdb, 8, 0x0d, "WRITE SAME(32)", protected_write_same, 32, LONG_USAGE(0x0d, 0xe9), kOut,
     S::kExclusiveRange, R::kWrite, kWrites, extent_32_to_end, 1, 60},
};
#undef LONG_USAGE

void replace(OpcodeRow& row) {
  const auto found = std::find_if(std::begin(kReplacements), std::end(kReplacements),
                                  [&](const Replacement& r) { return r.plain == row.enter; });
  if (found == std::end(kReplacements)) return;
  row.enter = found->with_protection;
  if (row.length > 6) row.usage[1] |= cdb::Protect::kMask;
}

}  // namespace

std::vector<OpcodeRow> with_protection(std::span<const OpcodeRow> plain, std::uint8_t type) {
  std::vector<OpcodeRow> rows;
  bool unmaps = false;
  for (OpcodeRow row : plain) {
    unmaps |= row.enter == unmap;
    if (row.enter == or_write) continue;
    replace(row);
    if (row.serial == Serial::kWrite) row.serial = Serial::kExclusiveRange;
    rows.push_back(row);
  }
  if (type != 2) return rows;
  for (OpcodeRow row : kLongRows) {
    if (row.enter == protected_write_same && !unmaps) {
      row.usage[10] &= static_cast<std::uint8_t>(~cdb::UnmapBit::kMask);
    }
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const OpcodeRow& a, const OpcodeRow& b) { return a.opcode < b.opcode; });
  return rows;
}

}  // namespace scsi::disk
