// What a device type is to the core: one opcode table, and a device server object per logical unit.
//
// A row drives everything that is known about an opcode: dispatch, the check of reserved CDB bits, REPORT SUPPORTED
// OPERATION CODES, reservation conflicts, write protection, serialization. Nothing of it is written twice.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "scsi_core/command.h"

namespace scsi {

struct DeviceState;

enum class Serial : std::uint8_t {
  kNone,  // touches no medium: waits for ORDERED only
  kRead,  // waits for exclusive commands that overlap its extent
  kWrite,
  kExclusiveRange,  // waits for everything that overlaps, and holds it back: COMPARE AND WRITE, ORWRITE, WRITE ATOMIC,
                    // ...
  kExclusive,       // the whole medium: FORMAT, eject
};

enum RowFlag : std::uint16_t {
  kBypassesUnitAttention = 1 << 0,  // INQUIRY, REPORT LUNS, REQUEST SENSE (SAM-5 5.14.3)
  kNeedsMedium = 1 << 1,            // NOT READY when stopped, ejected or the medium is lost
  kWritesMedium = 1 << 2,           // DATA PROTECT when write-protected
  kAnyLogicalUnit = 1 << 3,         // answered also when no logical unit is mapped at the LUN
  kWellKnown = 1 << 4,              // answered by the REPORT LUNS well known logical unit
  kStandIn = 1 << 5,                // of no table: in the place of a row that a table has not got
};

// How a reservation of another nexus is treated (SPC-5 tables 66-68, SBC-4 table 13).
enum class Conflict : std::uint8_t {
  kAllowed,          // never conflicts
  kRead,             // conflicts with exclusive access types (all I_T nexuses not allowed to read)
  kWrite,            // conflicts with write exclusive and exclusive access types
  kRegistrantsOnly,  // always conflicts unless the nexus is registered or the holder, as the table's other columns
  kReserve,          // conflicts with a RESERVE of SPC-2 only
  kPersistent,       // PERSISTENT RESERVE OUT, RESERVE, RELEASE: checked by their handlers
};

struct CdbBit {
  std::uint8_t byte = 0, bit = 0;
};

using ExtentOf = Extent (*)(const std::uint8_t* cdb);

struct OpcodeRow {
  std::uint8_t opcode = 0;
  std::uint8_t sa_byte = 0;  // 0: no service action; 1: byte 1 bits 4..0; 8: bytes 8-9 (variable length CDB)
  std::uint16_t service_action = 0;
  const char* name = "";  // as in the standard: "COMPARE AND WRITE"
  Step enter = nullptr;
  std::uint8_t length = 6;               // CDB length
  std::array<std::uint8_t, 32> usage{};  // CDB USAGE DATA (SPC-5 6.34.3): ones where the device server looks
  DataDirection direction = DataDirection::kNone;
  Serial serial = Serial::kNone;
  Conflict conflict = Conflict::kAllowed;
  std::uint16_t flags = 0;
  ExtentOf extent = nullptr;          // medium access commands; null with a serial other than kNone: the whole medium
  std::uint32_t nominal_timeout = 0;  // seconds, command timeouts descriptor; 0: not reported
  std::uint32_t recommended_timeout = 30;
  // Made from `usage` by OpcodeTable, in memory order: reserved bits, and NACA, that a CDB must not set.
  std::array<std::uint64_t, 4> forbidden{};

  // Bytes behind `length` are not looked at. `cdb` holds at least 32 bytes.
  bool allows(const std::uint8_t* cdb) const {
    std::uint64_t words[4];
    __builtin_memcpy(words, cdb, sizeof words);
    std::uint64_t wrong = (words[0] & forbidden[0]) | (words[1] & forbidden[1]);
    if (length > 16) wrong |= (words[2] & forbidden[2]) | (words[3] & forbidden[3]);
    return wrong == 0;
  }
  std::optional<CdbBit> first_forbidden_bit(const std::uint8_t* cdb) const;
};

inline constexpr std::uint8_t kVariableLengthCdb = 0x7f;

// 256 entries, each a row, or the first of the rows that differ by service action, which lie together.
class OpcodeTable {
 public:
  explicit OpcodeTable(std::span<const OpcodeRow> rows);  // sorted by opcode, then service action
  OpcodeTable(const OpcodeTable&) = delete;
  OpcodeTable& operator=(const OpcodeTable&) = delete;
  // Null with `bad_service_action` false: INVALID COMMAND OPERATION CODE; true: INVALID FIELD at the service action.
  const OpcodeRow* find(const std::uint8_t* cdb, std::uint16_t cdb_length, bool& bad_service_action) const {
    bad_service_action = false;
    const OpcodeRow* const first = first_[cdb[0]];
    if (first == nullptr || first->sa_byte == 0) return first;
    return find_service_action(first, cdb, cdb_length, bad_service_action);
  }
  std::span<const OpcodeRow> rows() const { return rows_; }

 private:
  const OpcodeRow* find_service_action(const OpcodeRow* row, const std::uint8_t* cdb, std::uint16_t cdb_length,
                                       bool& bad_service_action) const;
  std::vector<OpcodeRow> rows_;
  std::array<const OpcodeRow*, 256> first_{};  // null: none
  std::array<std::uint8_t, 256> count_{};
};

enum class ResetCause : std::uint8_t { kPowerOn, kLogicalUnitReset, kTargetReset };

// One per logical unit. Its shared state is touched on the home reactor only; what the fast path needs of it is
// published in LogicalUnit::flags and ::blocks.
class DeviceServer {
 public:
  virtual ~DeviceServer() = default;
  virtual const OpcodeTable& opcodes() const = 0;
  virtual std::uint8_t device_type() const = 0;  // PERIPHERAL DEVICE TYPE
  // Both on the home reactor. reset(kPowerOn) comes once, before the first command: restores what was saved. A nexus
  // that is lost (or reset) takes its PREVENT and its RESERVE(6) with it.
  virtual void reset(LogicalUnit& lu, ResetCause cause) = 0;
  virtual void nexus_lost(LogicalUnit& lu, const NexusKey& nexus) = 0;
  // For another process to go on with (handover.h), and there, after the reset and before the first command.
  virtual void hand_over(DeviceState& out) const { (void)out; }
  virtual base::Result<void> take_over(LogicalUnit& lu, const DeviceState& state) {
    (void)lu, (void)state;
    return {};
  }
};

// Rows flagged kAnyLogicalUnit and kWellKnown that answer where the I_T nexus has no logical unit: INQUIRY, REPORT
// LUNS, REQUEST SENSE, ... Their commands have no core.lu, and must not use store() or at_home(). Defined with the
// disk.
const OpcodeTable& no_logical_unit_opcodes();

}  // namespace scsi
