// Lookup in a device type's opcode table, and the CDB bits that each row forbids.
#include <cstring>

#include "base/check.h"
#include "base/endian.h"
#include "scsi_core/device_server.h"

namespace scsi {
namespace {

constexpr std::uint8_t kNaca = 0x04;  // SAM-5 5.2, CONTROL byte: ACA is not supported, so the bit is refused

std::uint16_t service_action(const std::uint8_t* cdb, std::uint8_t sa_byte) {
  if (sa_byte == 1) return cdb[1] & 0x1f;
  base::be16 wide;
  std::memcpy(&wide, cdb + sa_byte, sizeof wide);
  return wide;
}

OpcodeTable::Mask forbidden_bits(const OpcodeRow& row) {
  std::array<std::uint8_t, 32> bytes{};
  CHECK(row.length >= 6 && row.length <= bytes.size());
  for (std::size_t i = 0; i < row.length; ++i) bytes[i] = static_cast<std::uint8_t>(~row.usage[i]);
  bytes[0] = 0;
  if (row.sa_byte == 1) bytes[1] &= 0xe0;
  if (row.sa_byte > 1) bytes[row.sa_byte] = bytes[row.sa_byte + 1] = 0;
  bytes[row.opcode == kVariableLengthCdb ? 1 : row.length - 1] |= kNaca;
  OpcodeTable::Mask mask;
  std::memcpy(mask.data(), bytes.data(), bytes.size());
  return mask;
}

}  // namespace

OpcodeTable::OpcodeTable(std::span<const OpcodeRow> rows) : rows_(rows) {
  CHECK(rows.size() < 255);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const OpcodeRow& row = rows[i];
    CHECK(row.enter != nullptr);
    if (count_[row.opcode]++ == 0) {
      first_[row.opcode] = static_cast<std::uint8_t>(i + 1);
    } else {
      CHECK(rows[i - 1].opcode == row.opcode && rows[i - 1].service_action < row.service_action && row.sa_byte != 0);
    }
    forbidden_.push_back(forbidden_bits(row));
  }
}

const OpcodeRow* OpcodeTable::find(const std::uint8_t* cdb, std::uint16_t cdb_length, bool& bad_service_action) const {
  bad_service_action = false;
  const std::uint8_t first = first_[cdb[0]];
  if (first == 0) return nullptr;
  const OpcodeRow* row = &rows_[first - 1u];
  if (row->sa_byte == 0) return row;
  bad_service_action = true;
  if (cdb_length < row->sa_byte + (row->sa_byte == 1 ? 1 : 2)) return nullptr;
  const std::uint16_t wanted = service_action(cdb, row->sa_byte);
  for (std::uint8_t i = 0; i < count_[cdb[0]]; ++i, ++row) {
    if (row->service_action == wanted) {
      bad_service_action = false;
      return row;
    }
  }
  return nullptr;
}

std::optional<CdbBit> OpcodeTable::first_forbidden_bit(const OpcodeRow& row, const std::uint8_t* cdb) const {
  std::array<std::uint8_t, 32> bytes;
  std::memcpy(bytes.data(), mask_of(row).data(), bytes.size());
  for (std::uint8_t i = 0; i < row.length; ++i) {
    const unsigned wrong = cdb[i] & bytes[i];
    if (wrong != 0) return CdbBit{i, static_cast<std::uint8_t>(31 - __builtin_clz(wrong))};
  }
  return std::nullopt;
}

}  // namespace scsi
