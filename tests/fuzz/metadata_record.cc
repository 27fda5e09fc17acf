// Fuzzes what is read back from disk: the record's frame, and the reservations inside it. Anything may be refused; what
// is accepted must encode to the same again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "scsi_core/metadata_store_file.h"
#include "scsi_core/reservation/table.h"
#include "tests/support/require.h"

namespace {

void check_frame(std::span<const std::byte> file) {
  const auto payload = scsi::decode_record("disk0", "reservations", file);
  if (payload.has_value()) REQUIRE(std::ranges::equal(scsi::encode_record("disk0", "reservations", *payload), file));
}

void check_table(std::span<const std::byte> record) {
  const auto table = scsi::ReservationTable::decode(record);
  if (!table.has_value()) return;
  const auto again = scsi::ReservationTable::decode(table->encode());
  REQUIRE(again.has_value() && *again == *table);
  REQUIRE(table->registrations().size() <= scsi::ReservationTable::kMaxRegistrants);
  if (table->holder().has_value()) REQUIRE(table->registered(*table->holder()));
  const scsi::Denials denials = table->denials();
  for (const scsi::Registration& each : table->registrations()) {
    if (table->holds(each.nexus)) REQUIRE(denials.of(each.nexus) == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check_frame(bytes);
  check_table(bytes);
  return 0;
}
