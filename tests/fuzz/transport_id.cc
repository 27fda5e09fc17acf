// Fuzzes TransportIDs, alone and inside PERSISTENT RESERVE OUT parameter lists, of the input's bytes or made of names:
// lengths stay inside what was given, and what was accepted survives being encoded and parsed again.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "scsi_core/reservation/parameters.h"
#include "scsi_core/reservation/transport_id.h"
#include "tests/fuzz/words.h"
#include "tests/support/require.h"

namespace {

using scsi::ParsedTransportId;

void check_alone(std::span<const std::byte> bytes) {
  const ParsedTransportId parsed = scsi::parse_transport_id(bytes);
  if (parsed.error_at != ParsedTransportId::kNone) {
    REQUIRE(parsed.error_at == 0 || parsed.error_at < bytes.size());
    return;
  }
  REQUIRE(parsed.length >= 24 && parsed.length % 4 == 0 && parsed.length <= bytes.size());
  const auto encoded = scsi::encode_transport_id(parsed.id);
  const ParsedTransportId again = scsi::parse_transport_id(encoded);
  REQUIRE(again.error_at == ParsedTransportId::kNone);
  REQUIRE(again.id == parsed.id && again.any_session == parsed.any_session && again.length == encoded.size());
}

void check_list(std::uint8_t action, std::span<const std::byte> list) {
  const std::uint8_t cdb[10] = {0x5f, action, 0x01};
  scsi::ReserveRequest request;
  const scsi::Outcome outcome = scsi::parse_reserve_request(cdb, list, request);
  if (outcome.status != scsi::Status::kGood) return;
  std::size_t end = 24;
  for (const scsi::NamedInitiator& each : request.initiators) {
    REQUIRE(each.byte >= end && each.byte + 24u <= list.size());
    end = each.byte + 24u;
  }
  if (request.action == scsi::ReserveAction::kRegisterAndMove && request.list_error.status == scsi::Status::kGood) {
    REQUIRE(request.initiators.size() == 1);
  }
}

void append(std::vector<std::byte>& out, const std::vector<std::byte>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

std::vector<std::byte> number(std::size_t size, std::uint64_t value) {
  std::vector<std::byte> out(size);
  for (std::size_t i = size; i-- > 0; value >>= 8) out[i] = static_cast<std::byte>(value);
  return out;
}

// One ID whose lengths fit, but for one in eight.
std::vector<std::byte> make_id(Input& input) {
  static constexpr std::uint8_t kFirst[] = {0x45, 0x05, 0x45, 0x05, 0x00, 0x04, 0x06, 0x85};
  const std::uint8_t how = input.byte();
  std::vector<std::byte> id = {std::byte{kFirst[how & 7]}, std::byte{0}};
  if ((kFirst[how & 7] & 15) != 5) {
    id.resize(24, std::byte{input.byte()});
    return id;
  }
  std::string name(pick_of("iqn.2026-01.test:a|IQN.2026-01.TEST:B|eui.02004567a425678d|", how >> 3 & 3));
  if ((how & 0x60) == 0x60) name += raw_text(input);
  name.append(
      pick_of("|,i,0x023d000001|,i,0x|,i,0x12345678901234|,t,0x1|,i,0xG", (how & 0x40) != 0 ? how >> 3 : how & 1));
  name.resize((std::max<std::size_t>(name.size() + 1, 20) + 3) / 4 * 4);
  const std::uint8_t off = input.byte();
  append(id, number(2, name.size() + (off >= 0xe0 ? off & 7u : 0)));
  const auto bytes = std::as_bytes(std::span(name));
  id.insert(id.end(), bytes.begin(), bytes.end());
  return id;
}

std::vector<std::byte> make_list(Input& input, std::uint8_t action) {
  std::vector<std::byte> list = number(8, input.byte()), ids;
  append(list, number(8, input.byte()));
  const std::uint8_t how = input.byte();
  for (std::uint8_t i = how >> 5 & 3; i > 0; --i) append(ids, make_id(input));
  const std::uint8_t off = input.byte();
  const std::size_t told = ids.size() + (off >= 0xe0 ? off : 0);
  if (action == 7) {
    append(list, number(4, std::uint64_t{how & 3u} << 16 | off));
    append(list, number(4, told));
  } else {
    append(list, number(4, 0));
    append(list, number(4, std::uint64_t{how & 13u} << 24));
    if ((how & 8) != 0) append(list, number(4, told));
  }
  append(list, ids);
  return list;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if ((data[0] & 0x80) != 0) {
    Input input(data + 1, size - 1);
    const std::uint8_t action = data[0] & 0x1f;
    check_alone(make_id(input));
    check_list(action, make_list(input, action));
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  check_alone(bytes);
  check_list(data[0] & 0x1f, bytes);
  return 0;
}
