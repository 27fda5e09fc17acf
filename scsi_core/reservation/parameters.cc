// Parsing of PERSISTENT RESERVE OUT's CDB and parameter lists.
#include "scsi_core/reservation/parameters.h"

#include "base/bits.h"
#include "base/cursor.h"
#include "base/endian.h"
#include "scsi_core/reservation/transport_id.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

using ServiceAction = base::Bits8<4, 0>;
using Scope = base::Bits8<7, 4>;
using Type = base::Bits8<3, 0>;

struct BasicList {  // SPC-5 table 206
  base::be64 reservation_key;
  base::be64 service_action_reservation_key;
  base::be32 obsolete;
  std::uint8_t flags;
  std::uint8_t reserved;
  base::be16 obsolete2;
};
using SpecIPt = base::Flag8<3>;
using AllTgPt = base::Flag8<2>;
using Aptpl = base::Flag8<0>;

struct MoveList {  // SPC-5 table 209
  base::be64 reservation_key;
  base::be64 service_action_reservation_key;
  std::uint8_t reserved;
  std::uint8_t flags;
  base::be16 relative_target_port_identifier;
  base::be32 transport_id_length;
};
using Unreg = base::Flag8<1>;

static_assert(sizeof(BasicList) == kBasicListLength && sizeof(MoveList) == kBasicListLength);

constexpr std::uint16_t kFlagsByte = 20;                  // of BasicList
constexpr std::size_t kListLengthAt = sizeof(BasicList);  // TRANSPORTID PARAMETER DATA LENGTH
constexpr std::size_t kMoveLengthAt = 20;                 // TRANSPORTID LENGTH of MoveList
constexpr std::size_t kMinTransportId = 24;

// Parses the TransportIDs in `ids`, whose first byte is byte `at` of the parameter list.
Outcome parse_initiators(std::span<const std::byte> ids, std::size_t at, std::vector<NamedInitiator>& initiators) {
  while (!ids.empty()) {
    ParsedTransportId parsed = parse_transport_id(ids);
    if (parsed.error_at != ParsedTransportId::kNone) {
      return Outcome::invalid_parameter(static_cast<std::uint16_t>(at + parsed.error_at));
    }
    initiators.push_back({std::move(parsed.id), parsed.any_session, static_cast<std::uint16_t>(at)});
    ids = ids.subspan(parsed.length);
    at += parsed.length;
  }
  return Outcome::good();
}

Outcome parse_specified_initiators(std::span<const std::byte> list, ReserveRequest& request) {
  base::Reader reader(list.subspan(kListLengthAt));
  const auto length = reader.read<base::be32>();
  if (!length.has_value() || *length > reader.left()) return Outcome::check(kParameterListLengthError);
  const std::size_t at = kListLengthAt + sizeof(base::be32);
  return parse_initiators(list.subspan(at, *length), at, request.initiators);
}

Outcome parse_basic(std::span<const std::byte> list, ReserveRequest& request) {
  base::Reader reader(list);
  const auto wire = reader.read<BasicList>();
  if (!wire.has_value()) return Outcome::check(kParameterListLengthError);
  request.key = wire->reservation_key;
  request.service_key = wire->service_action_reservation_key;
  request.specify_initiators = SpecIPt::get(wire->flags);
  request.all_target_ports = AllTgPt::get(wire->flags);
  request.persist = Aptpl::get(wire->flags);
  if (!request.specify_initiators && reader.left() != 0) return Outcome::check(kParameterListLengthError);
  if (request.specify_initiators) {
    if (request.action != ReserveAction::kRegister) return Outcome::invalid_parameter(kFlagsByte, SpecIPt::kHi);
    request.list_error = parse_specified_initiators(list, request);
  }
  return Outcome::good();
}

Outcome parse_destination(std::span<const std::byte> list, std::uint32_t length, ReserveRequest& request) {
  if (length > list.size() - sizeof(MoveList)) return Outcome::check(kParameterListLengthError);
  if (length < kMinTransportId || length % 4 != 0) return Outcome::invalid_parameter(kMoveLengthAt);
  const Outcome outcome =
      parse_initiators(list.subspan(sizeof(MoveList), length), sizeof(MoveList), request.initiators);
  if (outcome.status != Status::kGood) return outcome;
  return request.initiators.size() == 1 ? outcome : Outcome::invalid_parameter(kMoveLengthAt);
}

Outcome parse_move(std::span<const std::byte> list, ReserveRequest& request) {
  base::Reader reader(list);
  const auto wire = reader.read<MoveList>();
  if (!wire.has_value()) return Outcome::check(kParameterListLengthError);
  request.key = wire->reservation_key;
  request.service_key = wire->service_action_reservation_key;
  request.unregister = Unreg::get(wire->flags);
  request.persist = Aptpl::get(wire->flags);
  request.relative_port = wire->relative_target_port_identifier;
  request.list_error = parse_destination(list, wire->transport_id_length, request);
  return Outcome::good();
}

}  // namespace

Outcome parse_reserve_request(const std::uint8_t* cdb, std::span<const std::byte> list, ReserveRequest& request) {
  const std::uint8_t action = ServiceAction::get(cdb[1]);
  if (action > static_cast<std::uint8_t>(ReserveAction::kReplaceLost)) return Outcome::invalid_cdb_field(1, 4);
  request.action = static_cast<ReserveAction>(action);
  request.scope = Scope::get(cdb[2]);
  request.type = Type::get(cdb[2]);
  return request.action == ReserveAction::kRegisterAndMove ? parse_move(list, request) : parse_basic(list, request);
}

}  // namespace scsi
