// Parsing of additional header segments.
#include "fabrics/iscsi/ahs.h"

#include <cstring>

#include "fabrics/iscsi/pdu.h"

namespace iscsi {
namespace {

constexpr std::size_t kCdbInHeader = 16;
constexpr std::size_t kReserved = 1;  // the first byte that AHSLength counts, for both types

}  // namespace

bool parse_command_ahs(std::span<const std::byte> bytes, CommandAhs& out) {
  out = {};
  while (!bytes.empty()) {
    if (bytes.size() < sizeof(pdu::AhsHeader) + kReserved) return false;
    pdu::AhsHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const std::size_t length = header.length;
    const std::size_t whole = (sizeof header + length + 3) & ~std::size_t{3};
    if (length <= kReserved || whole > bytes.size()) return false;
    const auto body = bytes.subspan(sizeof header + kReserved, length - kReserved);
    if (header.type == pdu::AhsHeader::kExtendedCdb) {
      if (!out.extended_cdb.empty() || body.size() > kMaxCdb - kCdbInHeader) return false;
      out.extended_cdb = body;
    } else if (header.type == pdu::AhsHeader::kBidiReadLength) {
      pdu::be32 read_length;
      if (out.bidirectional || body.size() != sizeof read_length) return false;
      std::memcpy(&read_length, body.data(), sizeof read_length);
      out.bidirectional = true;
      out.bidirectional_read_length = read_length;
    } else {
      return false;
    }
    bytes = bytes.subspan(whole);
  }
  return true;
}

}  // namespace iscsi
