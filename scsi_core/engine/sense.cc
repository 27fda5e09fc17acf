// Sense data encoding in fixed and descriptor format (SPC-5 4.4).
#include "scsi_core/sense.h"

#include <algorithm>

#include "base/bits.h"
#include "base/check.h"
#include "base/endian.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr std::uint8_t kFixedCurrent = 0x70;
constexpr std::uint8_t kFixedDeferred = 0x71;
constexpr std::uint8_t kDescriptorCurrent = 0x72;
constexpr std::uint8_t kDescriptorDeferred = 0x73;

struct SenseKeySpecific {  // SPC-5 4.4.2.4
  std::uint8_t flags = 0;  // SKSV, and for field pointers C/D, BPV, BIT POINTER
  base::be16 value;
};
using Sksv = base::Flag8<7>;
using CommandData = base::Flag8<6>;
using BitPointerValid = base::Flag8<3>;
using BitPointer = base::Bits8<2, 0>;

struct FixedSense {  // SPC-5 4.4.3
  std::uint8_t valid_response_code = 0;
  std::uint8_t obsolete = 0;
  std::uint8_t sense_key = 0;
  base::be32 information;
  std::uint8_t additional_sense_length = 10;
  base::be32 command_specific_information;
  std::uint8_t additional_sense_code = 0;
  std::uint8_t additional_sense_code_qualifier = 0;
  std::uint8_t field_replaceable_unit_code = 0;
  SenseKeySpecific specific;
};
static_assert(sizeof(FixedSense) == 18 && alignof(FixedSense) == 1);

struct DescriptorSense {  // SPC-5 4.4.2
  std::uint8_t response_code = 0;
  std::uint8_t sense_key = 0;
  std::uint8_t additional_sense_code = 0;
  std::uint8_t additional_sense_code_qualifier = 0;
  std::array<std::uint8_t, 3> sdat_ovfl_reserved{};
  std::uint8_t additional_sense_length = 0;
};
static_assert(sizeof(DescriptorSense) == 8 && alignof(DescriptorSense) == 1);

struct InformationDescriptor {  // SPC-5 4.4.2.2
  std::uint8_t type = 0x00;
  std::uint8_t additional_length = 0x0a;
  std::uint8_t valid = 0x80;
  std::uint8_t reserved = 0;
  base::be64 information;
};
static_assert(sizeof(InformationDescriptor) == 12 && alignof(InformationDescriptor) == 1);

struct SenseKeySpecificDescriptor {  // SPC-5 4.4.2.4
  std::uint8_t type = 0x02;
  std::uint8_t additional_length = 0x06;
  std::array<std::uint8_t, 2> reserved{};
  SenseKeySpecific specific;
  std::uint8_t reserved_end = 0;
};
static_assert(sizeof(SenseKeySpecificDescriptor) == 8 && alignof(SenseKeySpecificDescriptor) == 1);

SenseKeySpecific specific_of(const Sense& sense) {
  SenseKeySpecific out;
  if (sense.pointer != Sense::Pointer::kNone) {
    out.flags = Sksv::of(true) | CommandData::of(sense.pointer == Sense::Pointer::kCdb) |
                BitPointerValid::of(sense.bit_valid) | BitPointer::of(sense.bit_valid ? sense.bit : std::uint8_t{0});
    out.value = sense.byte;
  } else if (sense.progress_valid) {
    out.flags = Sksv::of(true);
    out.value = sense.progress;
  }
  return out;
}

template <class T>
std::size_t put(std::span<std::byte> out, std::size_t at, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  return at + sizeof(T);
}

std::size_t encode_fixed(const Sense& sense, std::span<std::byte> out) {
  FixedSense fixed;
  const bool fits = sense.information_valid && sense.information <= 0xffffffffu;
  fixed.valid_response_code =
      static_cast<std::uint8_t>((fits ? 0x80 : 0) | (sense.deferred ? kFixedDeferred : kFixedCurrent));
  fixed.sense_key = static_cast<std::uint8_t>(sense.code.key);
  if (fits) fixed.information = static_cast<std::uint32_t>(sense.information);
  fixed.additional_sense_code = sense.code.asc;
  fixed.additional_sense_code_qualifier = sense.code.ascq;
  fixed.specific = specific_of(sense);
  return put(out, 0, fixed);
}

std::size_t encode_descriptor(const Sense& sense, std::span<std::byte> out) {
  std::size_t at = sizeof(DescriptorSense);
  if (sense.information_valid) {
    InformationDescriptor information;
    information.information = sense.information;
    at = put(out, at, information);
  }
  if (sense.pointer != Sense::Pointer::kNone || sense.progress_valid) {
    SenseKeySpecificDescriptor specific;
    specific.specific = specific_of(sense);
    at = put(out, at, specific);
  }
  DescriptorSense header;
  header.response_code = sense.deferred ? kDescriptorDeferred : kDescriptorCurrent;
  header.sense_key = static_cast<std::uint8_t>(sense.code.key);
  header.additional_sense_code = sense.code.asc;
  header.additional_sense_code_qualifier = sense.code.ascq;
  header.additional_sense_length = static_cast<std::uint8_t>(at - sizeof(DescriptorSense));
  put(out, 0, header);
  return at;
}

Outcome invalid_field(SenseCode code, Sense::Pointer pointer, std::uint16_t byte, int bit) {
  Outcome outcome = Outcome::check(code);
  outcome.sense.pointer = pointer;
  outcome.sense.byte = byte;
  outcome.sense.bit_valid = bit >= 0;
  outcome.sense.bit = static_cast<std::uint8_t>(bit >= 0 ? bit : 0);
  return outcome;
}

}  // namespace

std::size_t Sense::encode(bool descriptor_format, std::span<std::byte> out) const {
  CHECK(out.size() >= kMaxSize);
  return descriptor_format ? encode_descriptor(*this, out) : encode_fixed(*this, out);
}

Outcome Outcome::invalid_cdb_field(std::uint16_t byte, int bit) {
  return invalid_field(kInvalidFieldInCdb, Sense::Pointer::kCdb, byte, bit);
}

Outcome Outcome::invalid_parameter(std::uint16_t byte, int bit) {
  return invalid_field(kInvalidFieldInParameterList, Sense::Pointer::kParameterList, byte, bit);
}

}  // namespace scsi
