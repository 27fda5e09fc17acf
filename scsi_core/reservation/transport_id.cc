// TransportIDs: a strict parser that reports the byte in error, and the encoder.
#include "scsi_core/reservation/transport_id.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/bits.h"
#include "base/cursor.h"
#include "base/endian.h"

namespace scsi {
namespace {

using FormatCode = base::Bits8<7, 6>;
using Protocol = base::Bits8<3, 0>;

struct IscsiHeader {  // SPC-5 7.6.4.6
  std::uint8_t format_and_protocol;
  std::uint8_t reserved;
  base::be16 additional_length;
};
static_assert(sizeof(IscsiHeader) == 4 && alignof(IscsiHeader) == 1);

constexpr std::size_t kFixedSize = 24;      // of all but iSCSI
constexpr std::size_t kMinAdditional = 20;  // of ADDITIONAL LENGTH
constexpr std::size_t kMaxNodeName = 223;   // RFC 7143 4.2.7
constexpr std::size_t kIsidDigits = 12;     // 48 bits
constexpr std::string_view kSeparator = ",i,0x";

// Where the name lies in the 24 bytes.
struct FixedName {
  std::uint8_t protocol;
  std::size_t at, size;
};
constexpr std::array<FixedName, 3> kFixedNames = {{{static_cast<std::uint8_t>(ProtocolId::kFcp), 8, 8},
                                                   {static_cast<std::uint8_t>(ProtocolId::kSrp), 8, 16},
                                                   {static_cast<std::uint8_t>(ProtocolId::kSas), 4, 8}}};

const FixedName* fixed_name(std::uint8_t protocol) {
  const auto* const found = std::ranges::find(kFixedNames, protocol, &FixedName::protocol);
  return found == kFixedNames.end() ? nullptr : found;
}

ParsedTransportId wrong_at(std::size_t byte) {
  ParsedTransportId parsed;
  parsed.error_at = byte;
  return parsed;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 7143 4.2.7.2: letters, digits, '-', '.', ':', and what UTF-8 encodes beyond ASCII.
bool in_node_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `field` is what ADDITIONAL LENGTH spans; `at` its place in the TransportID.
ParsedTransportId parse_iscsi_name(std::string_view field, std::size_t at, bool with_session) {
  const std::size_t end = field.find('\0');
  if (end == std::string_view::npos) return wrong_at(at + field.size() - 1);
  std::string text(field.substr(0, end));
  std::ranges::transform(text, text.begin(), lower);
  const std::size_t name_size = std::min(text.find(','), text.size());
  if (name_size == 0) return wrong_at(at);
  if (name_size > kMaxNodeName) return wrong_at(at + kMaxNodeName);
  for (std::size_t i = 0; i < name_size; ++i) {
    if (!in_node_name(text[i])) return wrong_at(at + i);
  }
  ParsedTransportId parsed;
  parsed.id.protocol = static_cast<std::uint8_t>(ProtocolId::kIscsi);
  if (!with_session) {
    if (name_size != text.size()) return wrong_at(at + name_size);
    parsed.any_session = true;
    parsed.id.name = std::move(text);
    return parsed;
  }
  if (text.compare(name_size, kSeparator.size(), kSeparator) != 0) return wrong_at(at + name_size);
  const std::string_view isid = std::string_view(text).substr(name_size + kSeparator.size());
  if (isid.empty() || isid.size() > kIsidDigits || !std::ranges::all_of(isid, hex_digit)) {
    return wrong_at(at + name_size + kSeparator.size());
  }
  parsed.id.name = text.substr(0, name_size);
  parsed.id.name.append(kSeparator).append(kIsidDigits - isid.size(), '0').append(isid);
  return parsed;
}

ParsedTransportId parse_iscsi(std::span<const std::byte> bytes) {
  base::Reader reader(bytes);
  const auto header = reader.read<IscsiHeader>();
  if (!header.has_value()) return wrong_at(0);
  const std::size_t length = header->additional_length;
  const std::uint8_t format = FormatCode::get(header->format_and_protocol);
  if (format > 1) return wrong_at(0);
  if (length < kMinAdditional || length % 4 != 0 || length > reader.left()) return wrong_at(2);
  ParsedTransportId parsed =
      parse_iscsi_name(as_text(bytes.subspan(sizeof(IscsiHeader), length)), sizeof(IscsiHeader), format == 1);
  parsed.length = sizeof(IscsiHeader) + length;
  return parsed;
}

}  // namespace

ParsedTransportId parse_transport_id(std::span<const std::byte> bytes) {
  if (bytes.size() < kFixedSize) return wrong_at(0);
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const std::uint8_t protocol = Protocol::get(first);
  if (protocol == static_cast<std::uint8_t>(ProtocolId::kIscsi)) return parse_iscsi(bytes);
  const FixedName* const place = fixed_name(protocol);
  if (place == nullptr || FormatCode::get(first) != 0) return wrong_at(0);
  ParsedTransportId parsed;
  parsed.id.protocol = protocol;
  parsed.id.name = as_text(bytes.subspan(place->at, place->size));
  parsed.length = kFixedSize;
  return parsed;
}

std::vector<std::byte> encode_transport_id(const TransportId& id) {
  if (const FixedName* const place = fixed_name(id.protocol)) {
    std::vector<std::byte> out(kFixedSize);
    out[0] = std::byte{id.protocol};
    base::Writer writer{std::span(out).subspan(place->at, place->size)};
    writer.text(id.name);
    return out;
  }
  const bool with_session = id.name.find(',') != std::string::npos;
  const std::size_t padded = (id.name.size() + 1 + 3) / 4 * 4;  // with the null
  const std::size_t length = std::max(kMinAdditional, padded);
  std::vector<std::byte> out(sizeof(IscsiHeader) + length);
  base::Writer writer(out);
  writer.put(IscsiHeader{static_cast<std::uint8_t>(FormatCode::of(with_session ? 1 : 0) | Protocol::of(id.protocol)), 0,
                         static_cast<std::uint16_t>(length)});
  writer.text(id.name);
  return out;
}

std::string_view node_name(const TransportId& id) {
  const std::string_view name = id.name;
  return id.protocol == static_cast<std::uint8_t>(ProtocolId::kIscsi) ? name.substr(0, name.find(',')) : name;
}

}  // namespace scsi
