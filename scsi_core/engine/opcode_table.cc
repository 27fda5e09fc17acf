// Lookup in a device type's opcode table, and the CDB bits that each row forbids.
#include <bit>
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

std::array<std::uint64_t, 4> forbidden_bits(const OpcodeRow& row) {
  std::array<std::uint8_t, 32> bytes{};
  CHECK(row.length >= 6 && row.length <= bytes.size());
  for (std::size_t i = 0; i < row.length; ++i) bytes[i] = static_cast<std::uint8_t>(~row.usage[i]);
  bytes[0] = 0;
  if (row.sa_byte == 1) bytes[1] &= 0xe0;
  if (row.sa_byte > 1) bytes[row.sa_byte] = bytes[row.sa_byte + 1] = 0;
  bytes[row.opcode == kVariableLengthCdb ? 1 : row.length - 1] |= kNaca;
  return std::bit_cast<std::array<std::uint64_t, 4>>(bytes);
}

}  // namespace

OpcodeTable::OpcodeTable(std::span<const OpcodeRow> rows) : rows_(rows.begin(), rows.end()) {
  for (OpcodeRow& row : rows_) {
    CHECK(row.enter != nullptr);
    row.forbidden = forbidden_bits(row);
    if (count_[row.opcode]++ == 0) {
      first_[row.opcode] = &row;
    } else {
      const OpcodeRow& before = *(&row - 1);
      CHECK(before.opcode == row.opcode && before.service_action < row.service_action && row.sa_byte != 0);
    }
  }
}

const OpcodeRow* OpcodeTable::find_service_action(const OpcodeRow* row, const std::uint8_t* cdb,
                                                  std::uint16_t cdb_length, bool& bad_service_action) const {
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

std::optional<CdbBit> OpcodeRow::first_forbidden_bit(const std::uint8_t* cdb) const {
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 32>>(forbidden);
  for (std::uint8_t i = 0; i < length; ++i) {
    const unsigned wrong = cdb[i] & bytes[i];
    if (wrong != 0) return CdbBit{i, static_cast<std::uint8_t>(31 - __builtin_clz(wrong))};
  }
  return std::nullopt;
}

}  // namespace scsi
