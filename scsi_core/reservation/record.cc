// The reservation table as the bytes that APTPL keeps across a power cycle, and back; nothing is believed unchecked.
#include <algorithm>
#include <array>

#include "base/cursor.h"
#include "base/endian.h"
#include "scsi_core/handover.h"
#include "scsi_core/reservation/table.h"

namespace scsi {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint32_t kNobody = ~std::uint32_t{0};
constexpr std::size_t kMaxName = 256;  // longest: iSCSI node name and ISID, 240

struct RecordHeader {
  base::be16 version;
  std::uint8_t persists;
  std::uint8_t type;
  base::be32 holder;  // index of a registrant, or kNobody
  base::be32 count;
};
struct RecordRegistrant {  // followed by the initiator port's name
  base::be64 key;
  base::be16 relative_port_id;
  std::uint8_t protocol;
  std::uint8_t reserved;
  base::be16 name_length;
};
static_assert(sizeof(RecordHeader) == 12 && sizeof(RecordRegistrant) == 14);

tl::unexpected<base::Error> bad(const char* what) {
  return base::fail(base::Errc::kInvalid, std::string("reservation record: ") + what);
}

base::Result<Registration> read_registrant(base::Reader& reader) {
  const auto wire = TRY(reader.read<RecordRegistrant>());
  if (wire.name_length == 0 || wire.name_length > kMaxName) return bad("length of a name");
  const auto name = TRY(reader.bytes(wire.name_length));
  if (wire.key == 0) return bad("a key of zero");
  Registration made;
  made.key = wire.key;
  made.nexus.relative_port_id = wire.relative_port_id;
  made.nexus.initiator.protocol = wire.protocol;
  made.nexus.initiator.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  return made;
}

}  // namespace

std::vector<std::byte> ReservationTable::encode() const {
  std::size_t size = sizeof(RecordHeader);
  for (const Registration& each : registrations_) size += sizeof(RecordRegistrant) + each.nexus.initiator.name.size();
  std::vector<std::byte> record(size);
  base::Writer writer(record);
  std::uint32_t holder = kNobody;
  if (holder_.has_value()) {
    holder = static_cast<std::uint32_t>(std::ranges::find(registrations_, *holder_, &Registration::nexus) -
                                        registrations_.begin());
  }
  writer.put(RecordHeader{kVersion, std::uint8_t{persists_}, static_cast<std::uint8_t>(type_), holder,
                          static_cast<std::uint32_t>(registrations_.size())});
  for (const Registration& each : registrations_) {
    const TransportId& initiator = each.nexus.initiator;
    writer.put(RecordRegistrant{each.key, each.nexus.relative_port_id, initiator.protocol, 0,
                                static_cast<std::uint16_t>(initiator.name.size())});
    writer.text(initiator.name);
  }
  return record;
}

ReservationState ReservationTable::hand_over() const { return {encode(), generation_, reserver_, lost_}; }

base::Result<ReservationTable> ReservationTable::take_over(const ReservationState& state) {
  ReservationTable table = TRY(decode(state.record));
  table.generation_ = state.generation;
  table.reserver_ = state.reserver;
  table.lost_ = state.lost;
  return table;
}

base::Result<ReservationTable> ReservationTable::decode(std::span<const std::byte> record) {
  base::Reader reader(record);
  const auto header = TRY(reader.read<RecordHeader>());
  if (header.version != kVersion) return bad("another version");
  if (header.persists > 1) return bad("APTPL");
  if (header.type != 0 && !is_reservation_type(header.type)) return bad("type");
  if (header.count > kMaxRegistrants) return bad("too many registrants");
  ReservationTable table;
  for (std::uint32_t i = 0; i < header.count; ++i) {
    Registration each = TRY(read_registrant(reader));
    if (table.registered(each.nexus)) return bad("a registrant twice");
    table.registrations_.push_back(std::move(each));
  }
  if (reader.left() != 0) return bad("data behind its end");
  table.type_ = static_cast<ReservationType>(header.type);
  table.persists_ = header.persists == 1;
  const bool one_holder = table.type_ != ReservationType::kNone && !is_all_registrants(table.type_);
  if (one_holder != (header.holder != kNobody)) return bad("holder");
  if (one_holder) {
    if (header.holder >= header.count) return bad("holder");
    table.holder_ = table.registrations_[header.holder].nexus;
  }
  if (is_all_registrants(table.type_) && table.registrations_.empty()) return bad("a reservation without a holder");
  return table;
}

}  // namespace scsi
