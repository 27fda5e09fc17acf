// Every opcode of the disk in one table: dispatch, CDB usage data, ordering, reservations, medium and time limits.
//
// Usage bytes hold ones where the device server looks (SPC-5 6.34.3); what is zero there must be zero in the CDB, so
// that RDPROTECT and its kin, ANCHOR, NACA and all reserved bits are refused by the table. The group number is accepted
// and ignored. Serialization: what reads and then writes the same blocks holds its range (SAM-5 8.7 leaves overlapping
// SIMPLE commands to the initiator, SBC-4 does not for these). Reservations: SPC-5 table 66, SBC-4 table 13; PREVENT
// and START STOP UNIT depend on a CDB field and are checked by their handlers.
#include "scsi_core/disk/opcode_table.h"

#include <algorithm>
#include <vector>

#include "scsi_core/disk/cdb.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/reservation/handlers.h"

namespace scsi {
namespace {

using namespace disk;  // NOLINT: the handlers, named plainly in the rows

constexpr auto kNo = DataDirection::kNone;
constexpr auto kIn = DataDirection::kIn;
constexpr auto kOut = DataDirection::kOut;
constexpr std::uint16_t kMedium = kNeedsMedium;
constexpr std::uint16_t kWrites = kNeedsMedium | kWritesMedium;
constexpr std::uint16_t kAlways = kBypassesUnitAttention | kAnyLogicalUnit | kWellKnown;

// --- extents ---

template <class Cdb>
const Cdb& as(const std::uint8_t* cdb) {
  return *reinterpret_cast<const Cdb*>(cdb);
}
Extent extent_6(const std::uint8_t* cdb) {
  const auto& c = as<cdb::ReadWrite6>(cdb);
  return {c.logical_block_address & 0x1f'ffff, c.transfer_length == 0 ? 256u : c.transfer_length};
}
template <class Cdb>
Extent extent(const std::uint8_t* cdb) {
  return {as<Cdb>(cdb).logical_block_address, as<Cdb>(cdb).transfer_length};
}
Extent extent_compare(const std::uint8_t* cdb) {
  return {as<cdb::CompareAndWrite>(cdb).logical_block_address, as<cdb::CompareAndWrite>(cdb).number_of_logical_blocks};
}
// 0 blocks: all from the address to the end of the medium.
template <class Cdb>
Extent extent_to_end(const std::uint8_t* cdb) {
  const Extent e = extent<Cdb>(cdb);
  return {e.lba, e.blocks == 0 ? ~std::uint64_t{0} - e.lba : e.blocks};
}

constexpr auto e6 = extent_6;
constexpr auto e10 = extent<cdb::Medium10>;
constexpr auto e12 = extent<cdb::Medium12>;
constexpr auto e16 = extent<cdb::Medium16>;
constexpr auto ecw = extent_compare;
constexpr auto eat = extent<cdb::WriteAtomic16>;
constexpr auto e10_end = extent_to_end<cdb::Medium10>;
constexpr auto e16_end = extent_to_end<cdb::Medium16>;

// --- the rows: opcode, service action byte and value, name, handler, CDB length, usage,
//     direction, ordering, reservation, flags, extent, nominal and recommended timeout in seconds ---

using S = Serial;
using R = Conflict;

// clang-format off
constexpr OpcodeRow kRows[] = {
  {0x00, 0, 0x00, "TEST UNIT READY", test_unit_ready, 6, {0x00, 0, 0, 0, 0, 0},
   kNo, S::kNone, R::kReserve, kMedium | kWellKnown, nullptr, 0, 10},
  {0x03, 0, 0x00, "REQUEST SENSE", request_sense, 6, {0x03, 0x01, 0, 0, 0xff, 0},
   kIn, S::kNone, R::kAllowed, kAlways, nullptr, 0, 10},
  {0x08, 0, 0x00, "READ(6)", read_6, 6, {0x08, 0x1f, 0xff, 0xff, 0xff, 0},
   kIn, S::kRead, R::kRead, kMedium, e6, 1, 30},
  {0x0a, 0, 0x00, "WRITE(6)", write_6, 6, {0x0a, 0x1f, 0xff, 0xff, 0xff, 0},
   kOut, S::kWrite, R::kWrite, kWrites, e6, 1, 30},
  {0x12, 0, 0x00, "INQUIRY", inquiry, 6, {0x12, 0x01, 0xff, 0xff, 0xff, 0},
   kIn, S::kNone, R::kAllowed, kAlways, nullptr, 0, 10},
  {0x15, 0, 0x00, "MODE SELECT(6)", mode_select_6, 6, {0x15, 0x11, 0, 0, 0xff, 0},
   kOut, S::kExclusive, R::kRegistrantsOnly, 0, nullptr, 1, 60},
  {0x16, 0, 0x00, "RESERVE(6)", reserve_6, 6, {0x16, 0, 0, 0, 0, 0},
   kNo, S::kNone, R::kPersistent, 0, nullptr, 0, 30},
  {0x17, 0, 0x00, "RELEASE(6)", release_6, 6, {0x17, 0, 0, 0, 0, 0},
   kNo, S::kNone, R::kPersistent, 0, nullptr, 0, 30},
  {0x1a, 0, 0x00, "MODE SENSE(6)", mode_sense_6, 6, {0x1a, 0x08, 0xff, 0xff, 0xff, 0},
   kIn, S::kNone, R::kRegistrantsOnly, 0, nullptr, 0, 10},
  {0x1b, 0, 0x00, "START STOP UNIT", start_stop_unit, 6, {0x1b, 0x01, 0, 0x0f, 0xf7, 0},
   kNo, S::kExclusive, R::kAllowed, 0, nullptr, 1, 60},
  {0x1e, 0, 0x00, "PREVENT ALLOW MEDIUM REMOVAL", prevent_allow_medium_removal, 6, {0x1e, 0, 0, 0, 0x03, 0},
   kNo, S::kNone, R::kAllowed, 0, nullptr, 0, 10},
  {0x25, 0, 0x00, "READ CAPACITY(10)", read_capacity_10, 10, {0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0},
   kIn, S::kNone, R::kAllowed, kMedium, nullptr, 0, 10},
  {0x28, 0, 0x00, "READ(10)", read, 10, {0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kIn, S::kRead, R::kRead, kMedium, e10, 1, 30},
  {0x2a, 0, 0x00, "WRITE(10)", write, 10, {0x2a, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kOut, S::kWrite, R::kWrite, kWrites, e10, 1, 30},
  {0x2e, 0, 0x00, "WRITE AND VERIFY(10)", write_and_verify, 10,
   {0x2e, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kOut, S::kExclusiveRange, R::kWrite, kWrites, e10, 2, 60},
  {0x2f, 0, 0x00, "VERIFY(10)", verify, 10, {0x2f, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kOut, S::kRead, R::kRead, kMedium, e10, 1, 60},
  {0x34, 0, 0x00, "PRE-FETCH(10)", prefetch, 10, {0x34, 0x02, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kNo, S::kRead, R::kRead, kMedium, e10_end, 0, 30},
  {0x35, 0, 0x00, "SYNCHRONIZE CACHE(10)", synchronize_cache, 10,
   {0x35, 0x06, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kNo, S::kNone, R::kWrite, kMedium, e10_end, 1, 60},
  {0x37, 0, 0x00, "READ DEFECT DATA(10)", read_defect_data_10, 10, {0x37, 0, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0},
   kIn, S::kNone, R::kRead, kMedium, nullptr, 0, 30},
  {0x41, 0, 0x00, "WRITE SAME(10)", write_same, 10, {0x41, 0x08, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0},
   kOut, S::kWrite, R::kWrite, kWrites, e10_end, 1, 60},
  {0x42, 0, 0x00, "UNMAP", unmap, 10, {0x42, 0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0},
   kOut, S::kWrite, R::kWrite, kWrites, nullptr, 1, 60},
  {0x55, 0, 0x00, "MODE SELECT(10)", mode_select_10, 10, {0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0},
   kOut, S::kExclusive, R::kRegistrantsOnly, 0, nullptr, 1, 60},
  {0x56, 0, 0x00, "RESERVE(10)", reserve_10, 10, {0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0},
   kNo, S::kNone, R::kPersistent, 0, nullptr, 0, 30},
  {0x57, 0, 0x00, "RELEASE(10)", release_10, 10, {0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0},
   kNo, S::kNone, R::kPersistent, 0, nullptr, 0, 30},
  {0x5a, 0, 0x00, "MODE SENSE(10)", mode_sense_10, 10, {0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0},
   kIn, S::kNone, R::kRegistrantsOnly, 0, nullptr, 0, 10},

#define PERSISTENT_RESERVE_IN(sa, name)                                                                    \
  {0x5e, 1, sa, "PERSISTENT RESERVE IN, " name, persistent_reserve_in, 10, {0x5e, sa, 0, 0, 0, 0, 0, 0xff, 0xff, 0}, \
   kIn, S::kNone, R::kAllowed, 0, nullptr, 0, 10}
  PERSISTENT_RESERVE_IN(0x00, "READ KEYS"),
  PERSISTENT_RESERVE_IN(0x01, "READ RESERVATION"),
  PERSISTENT_RESERVE_IN(0x02, "REPORT CAPABILITIES"),
  PERSISTENT_RESERVE_IN(0x03, "READ FULL STATUS"),
#undef PERSISTENT_RESERVE_IN

#define PERSISTENT_RESERVE_OUT(sa, name)                                                                     \
  {0x5f, 1, sa, "PERSISTENT RESERVE OUT, " name, persistent_reserve_out, 10,                               \
   {0x5f, sa, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0},                                                        \
   kOut, S::kNone, R::kPersistent, 0, nullptr, 0, 60}
  PERSISTENT_RESERVE_OUT(0x00, "REGISTER"),
  PERSISTENT_RESERVE_OUT(0x01, "RESERVE"),
  PERSISTENT_RESERVE_OUT(0x02, "RELEASE"),
  PERSISTENT_RESERVE_OUT(0x03, "CLEAR"),
  PERSISTENT_RESERVE_OUT(0x04, "PREEMPT"),
  PERSISTENT_RESERVE_OUT(0x05, "PREEMPT AND ABORT"),
  PERSISTENT_RESERVE_OUT(0x06, "REGISTER AND IGNORE EXISTING KEY"),
  PERSISTENT_RESERVE_OUT(0x07, "REGISTER AND MOVE"),
  PERSISTENT_RESERVE_OUT(0x08, "REPLACE LOST RESERVATION"),
#undef PERSISTENT_RESERVE_OUT

  {0x88, 0, 0x00, "READ(16)", read, 16,
   {0x88, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kIn, S::kRead, R::kRead, kMedium, e16, 1, 30},
  {0x89, 0, 0x00, "COMPARE AND WRITE", compare_and_write, 16,
   {0x89, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0x3f, 0},
   kOut, S::kExclusiveRange, R::kWrite, kWrites, ecw, 1, 30},
  {0x8a, 0, 0x00, "WRITE(16)", write, 16,
   {0x8a, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kWrite, R::kWrite, kWrites, e16, 1, 30},
  {0x8b, 0, 0x00, "ORWRITE(16)", or_write, 16,
   {0x8b, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kExclusiveRange, R::kWrite, kWrites, e16, 1, 30},
  {0x8e, 0, 0x00, "WRITE AND VERIFY(16)", write_and_verify, 16,
   {0x8e, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kExclusiveRange, R::kWrite, kWrites, e16, 2, 60},
  {0x8f, 0, 0x00, "VERIFY(16)", verify, 16,
   {0x8f, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kRead, R::kRead, kMedium, e16, 1, 60},
  {0x90, 0, 0x00, "PRE-FETCH(16)", prefetch, 16,
   {0x90, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kNo, S::kRead, R::kRead, kMedium, e16_end, 0, 30},
  {0x91, 0, 0x00, "SYNCHRONIZE CACHE(16)", synchronize_cache, 16,
   {0x91, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kNo, S::kNone, R::kWrite, kMedium, e16_end, 1, 60},
  {0x93, 0, 0x00, "WRITE SAME(16)", write_same, 16,
   {0x93, 0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kWrite, R::kWrite, kWrites, e16_end, 1, 60},
  {0x9c, 0, 0x00, "WRITE ATOMIC(16)", write_atomic, 16,
   {0x9c, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 0x3f, 0},
   kOut, S::kExclusiveRange, R::kWrite, kWrites, eat, 1, 30},
  {0x9e, 1, 0x10, "READ CAPACITY(16)", read_capacity_16, 16,
   {0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0},
   kIn, S::kNone, R::kAllowed, kMedium, nullptr, 0, 10},
  {0x9e, 1, 0x12, "GET LBA STATUS(16)", get_lba_status, 16,
   {0x9e, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0},
   kIn, S::kNone, R::kRead, kMedium, nullptr, 0, 30},
  {0xa0, 0, 0x00, "REPORT LUNS", report_luns, 12, {0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0},
   kIn, S::kNone, R::kAllowed, kAlways, nullptr, 0, 10},
  {0xa3, 1, 0x0c, "REPORT SUPPORTED OPERATION CODES", report_supported_operation_codes, 12,
   {0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0},
   kIn, S::kNone, R::kRegistrantsOnly, 0, nullptr, 0, 10},
  {0xa3, 1, 0x0d, "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", report_supported_task_management_functions, 12,
   {0xa3, 0x0d, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0},
   kIn, S::kNone, R::kRegistrantsOnly, 0, nullptr, 0, 10},
  {0xa8, 0, 0x00, "READ(12)", read, 12, {0xa8, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kIn, S::kRead, R::kRead, kMedium, e12, 1, 30},
  {0xaa, 0, 0x00, "WRITE(12)", write, 12, {0xaa, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kWrite, R::kWrite, kWrites, e12, 1, 30},
  {0xae, 0, 0x00, "WRITE AND VERIFY(12)", write_and_verify, 12,
   {0xae, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kExclusiveRange, R::kWrite, kWrites, e12, 2, 60},
  {0xaf, 0, 0x00, "VERIFY(12)", verify, 12, {0xaf, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0},
   kOut, S::kRead, R::kRead, kMedium, e12, 1, 60},
  {0xb7, 0, 0x00, "READ DEFECT DATA(12)", read_defect_data_12, 12,
   {0xb7, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0},
   kIn, S::kNone, R::kRead, kMedium, nullptr, 0, 30},
};
// clang-format on

// A fully provisioned unit: the same rows without what unmaps.
std::vector<OpcodeRow> fully_provisioned() {
  std::vector<OpcodeRow> rows;
  for (OpcodeRow row : kRows) {
    if (row.enter == unmap || row.enter == get_lba_status) continue;
    if (row.enter == write_same) row.usage[1] &= static_cast<std::uint8_t>(~cdb::UnmapBit::kMask);
    rows.push_back(row);
  }
  return rows;
}

std::vector<OpcodeRow> without_unit() {
  std::vector<OpcodeRow> rows;
  for (OpcodeRow row : kRows) {
    if ((row.flags & (kAnyLogicalUnit | kWellKnown)) == 0) continue;
    row.flags &= static_cast<std::uint16_t>(~kNeedsMedium);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

namespace disk {

const OpcodeTable& opcodes(bool thin, std::uint8_t protection) {
  static const std::vector<OpcodeRow> full = fully_provisioned();
  static const OpcodeTable plain[] = {OpcodeTable(full), OpcodeTable(kRows)};
  if (protection == 0) return plain[thin];
  static const OpcodeTable long_cdbs[] = {OpcodeTable(with_protection(full, 2)),
                                          OpcodeTable(with_protection(kRows, 2))};
  static const OpcodeTable short_cdbs[] = {OpcodeTable(with_protection(full, 1)),
                                           OpcodeTable(with_protection(kRows, 1))};  // type 3 has the same
  return protection == 2 ? long_cdbs[thin] : short_cdbs[thin];
}

}  // namespace disk

const OpcodeTable& no_logical_unit_opcodes() {
  static const std::vector<OpcodeRow> rows = without_unit();
  static const OpcodeTable table(rows);
  return table;
}

}  // namespace scsi
