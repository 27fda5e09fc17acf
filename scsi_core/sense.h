// Sense data as a value: what went wrong and where; encoded in fixed or descriptor format (SPC-5 4.4) at the very end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "scsi_core/types.h"

namespace scsi {

enum class SenseKey : std::uint8_t {
  kNoSense = 0x0,
  kRecoveredError = 0x1,
  kNotReady = 0x2,
  kMediumError = 0x3,
  kHardwareError = 0x4,
  kIllegalRequest = 0x5,
  kUnitAttention = 0x6,
  kDataProtect = 0x7,
  kBlankCheck = 0x8,
  kCopyAborted = 0xa,
  kAbortedCommand = 0xb,
  kMiscompare = 0xe,
  kCompleted = 0xf,
};

struct SenseCode {  // key + ADDITIONAL SENSE CODE + QUALIFIER; always one of the constants in sense_codes.h
  SenseKey key = SenseKey::kNoSense;
  std::uint8_t asc = 0;
  std::uint8_t ascq = 0;
  constexpr bool operator==(const SenseCode&) const = default;
};

struct Sense {
  enum class Pointer : std::uint8_t { kNone, kCdb, kParameterList };
  SenseCode code;
  Pointer pointer = Pointer::kNone;  // field pointer, SPC-5 4.4.2.4.2: the first byte (and bit) in error
  bool bit_valid = false;
  std::uint8_t bit = 0;
  std::uint16_t byte = 0;
  bool information_valid = false;  // INFORMATION: an LBA, a miscompare offset, ...
  bool deferred = false;           // response codes 71h and 73h
  bool progress_valid = false;     // progress indication in the sense-key specific bytes
  std::uint16_t progress = 0;      // of 65536
  std::uint64_t information = 0;

  static constexpr std::size_t kMaxSize = 64;
  // Encodes into `out` (at least kMaxSize) and returns the length: 18 for fixed format. An INFORMATION above 32 bits
  // makes fixed format say VALID = 0, as SPC asks.
  std::size_t encode(bool descriptor_format, std::span<std::byte> out) const;
};

// What an initiator is told. Handlers return it; the core turns it into a response.
struct Outcome {
  Status status = Status::kGood;
  Sense sense;  // meaningful with kCheckCondition

  static constexpr Outcome good() { return {}; }
  static constexpr Outcome of(Status status) { return {status, {}}; }
  static constexpr Outcome check(SenseCode code) { return {Status::kCheckCondition, {.code = code}}; }
  static constexpr Outcome check(SenseCode code, std::uint64_t information) {
    return {Status::kCheckCondition, {.code = code, .information_valid = true, .information = information}};
  }
  // INVALID FIELD IN CDB / PARAMETER LIST with its field pointer; `bit` is the most significant bit of the field.
  static Outcome invalid_cdb_field(std::uint16_t byte, int bit = -1);
  static Outcome invalid_parameter(std::uint16_t byte, int bit = -1);
};

}  // namespace scsi
