// Protection information (SBC-4 4.21): eight bytes for each logical block, and what the standard has checked of them.
//
// RDPROTECT, WRPROTECT, VRPROTECT are one code, 0 to 5; what it asks for depends on where the information comes from.
// Checks that the standard allows or asks for where something is known ("may", "shall ... if it has knowledge") are
// made.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "hal/protection.h"
#include "scsi_core/sense.h"

namespace scsi::disk {

using hal::ProtectionTuple;
inline constexpr std::uint16_t kApplicationEscape = 0xffff;
inline constexpr std::uint32_t kReferenceEscape = 0xffff'ffff;
inline constexpr std::uint8_t kLastProtectCode = 5;

struct Checks {
  bool guard = false, application = false, reference = false;
  bool operator==(const Checks&) const = default;
};

// What was read from the medium: READ, and VERIFY without data (RDPROTECT; VRPROTECT with BYTCHK = 00b).
Checks checks_of_medium(std::uint8_t code);
// What came from the application client: WRITE and its kin, and VERIFY with data.
Checks checks_of_data_out(std::uint8_t code);
// What was read to be compared: VERIFY with BYTCHK = 01b or 11b, COMPARE AND WRITE.
Checks checks_of_compared(std::uint8_t code);
// What VERIFY compares between the two. `owned`: ATO = 1.
Checks compared_fields(std::uint8_t code, std::uint8_t type, bool owned);

// What the information of one command is expected to be; without a value, it is not known and not checked.
struct Expectation {
  std::uint8_t type = 1;
  std::optional<std::uint32_t> reference_tag;  // of the first block; the next ones count on
  std::uint16_t application_tag = 0;
  std::uint16_t application_tag_mask = 0;  // 0: nothing is known
};

// Type 1 and 2: FFFFh in the application tag; type 3: FFFFFFFFh in the reference tag, too.
bool unchecked(const ProtectionTuple& tuple, std::uint8_t type);
// The first check that fails, for the block that is `index` blocks after the first.
std::optional<SenseCode> failed_check(const ProtectionTuple& tuple, std::uint16_t guard, const Expectation& expected,
                                      std::uint64_t index, Checks checks);
// What the device server writes where none came (WRPROTECT = 000b).
ProtectionTuple generated(std::uint16_t guard, std::uint8_t type, bool owned, std::uint64_t lba);
// WRITE SAME: the information of the block `index` blocks after the one that `tuple` came with.
ProtectionTuple repeated(const ProtectionTuple& tuple, std::uint8_t type, std::uint64_t index);
// CRC of T10; begins with 0 and goes on over the pieces of a block.
std::uint16_t guard_of(std::span<const std::byte> bytes, std::uint16_t so_far);

}  // namespace scsi::disk
