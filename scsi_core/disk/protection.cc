// The tables of RDPROTECT, WRPROTECT and VRPROTECT, and the checks of one block.
#include "scsi_core/disk/protection.h"

#include <isa-l/crc.h>

#include "scsi_core/sense_codes.h"

namespace scsi::disk {
namespace {

constexpr Checks kAll{true, true, true}, kNone{}, kTags{false, true, true}, kGuard{true, false, false};
constexpr std::uint8_t kTagsOnly = 2, kNothing = 3, kGuardOnly = 4, kAllAgain = 5;

Checks named_checks(std::uint8_t code) {
  switch (code) {
    case kTagsOnly:
      return kTags;
    case kNothing:
      return kNone;
    case kGuardOnly:
      return kGuard;
    default:
      return kAll;
  }
}

}  // namespace

// SBC-4 tables of READ(10) RDPROTECT and of VERIFY(10) VRPROTECT with BYTCHK = 00b: 000b checks, and sends nothing.
Checks checks_of_medium(std::uint8_t code) { return named_checks(code); }

// SBC-4 table of WRITE(10) WRPROTECT.
Checks checks_of_data_out(std::uint8_t code) { return code == 0 ? kNone : named_checks(code); }

// SBC-4 table of VERIFY(10) VRPROTECT with BYTCHK = 01b or 11b, medium: what is compared needs no check.
Checks checks_of_compared(std::uint8_t code) { return code == 0 ? kAll : kNone; }

// SBC-4 table of VERIFY(10) VRPROTECT, byte-by-byte comparison.
Checks compared_fields(std::uint8_t code, std::uint8_t type, bool owned) {
  if (code == 0) return kNone;
  return {.guard = code != kTagsOnly, .application = owned, .reference = type != 3 || !owned || code == kAllAgain};
}

bool unchecked(const ProtectionTuple& tuple, std::uint8_t type) {
  if (tuple.application != kApplicationEscape) return false;
  return type != 3 || tuple.reference == kReferenceEscape;
}

std::optional<SenseCode> failed_check(const ProtectionTuple& tuple, std::uint16_t guard, const Expectation& expected,
                                      std::uint64_t index, Checks checks) {
  if (unchecked(tuple, expected.type)) return std::nullopt;
  if (checks.guard && tuple.guard != guard) return kLogicalBlockGuardCheckFailed;
  const unsigned differs = tuple.application ^ expected.application_tag;
  if (checks.application && (differs & expected.application_tag_mask) != 0) {
    return kLogicalBlockApplicationTagCheckFailed;
  }
  if (checks.reference && expected.reference_tag.has_value() &&
      tuple.reference != static_cast<std::uint32_t>(*expected.reference_tag + index)) {
    return kLogicalBlockReferenceTagCheckFailed;
  }
  return std::nullopt;
}

// An application tag of the application client's (ATO = 1) is FFFFh until it writes one. With type 2 the reference tag
// is what some CDB will expect one day, so that the block is best not checked at all.
ProtectionTuple generated(std::uint16_t guard, std::uint8_t type, bool owned, std::uint64_t lba) {
  return {guard, owned || type == 2 ? kApplicationEscape : std::uint16_t{0},
          type == 1 ? static_cast<std::uint32_t>(lba) : kReferenceEscape};
}

ProtectionTuple repeated(const ProtectionTuple& tuple, std::uint8_t type, std::uint64_t index) {
  const ProtectionTuple all_ones{0xffff, kApplicationEscape, kReferenceEscape};
  ProtectionTuple next = tuple;
  if (type != 3 && tuple != all_ones) {
    next.reference = static_cast<std::uint32_t>(tuple.reference + index);
  }
  return next;
}

std::uint16_t guard_of(std::span<const std::byte> bytes, std::uint16_t so_far) {
  return crc16_t10dif(so_far, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace scsi::disk
