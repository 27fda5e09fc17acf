// Fuzzes TransportIDs, alone and inside PERSISTENT RESERVE OUT parameter lists: lengths stay inside what was given, and
// what was accepted survives being encoded and parsed again.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "scsi_core/reservation/parameters.h"
#include "scsi_core/reservation/transport_id.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  check_alone(bytes);
  check_list(data[0] & 0x1f, bytes);
  return 0;
}
