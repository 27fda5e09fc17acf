// Fuzzes what is read back from disk: the record's frame, and the reservations inside it, of the input's bytes or made
// of registrants. Anything may be refused, what was damaged must be; what is accepted must encode to the same again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "scsi_core/handover.h"
#include "scsi_core/metadata_store_file.h"
#include "scsi_core/reservation/table.h"
#include "tests/fuzz/words.h"
#include "tests/support/require.h"

namespace {

constexpr std::uint8_t kMade = 0xff;  // first byte of an input that is made into a table

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

// Another process goes on with what is handed over: all of it comes back, or nothing where the record is not right.
void check_handover(const scsi::ReservationState& state) {
  const auto table = scsi::ReservationTable::take_over(state);
  REQUIRE(table.has_value() == scsi::ReservationTable::decode(state.record).has_value());
  if (!table.has_value()) return;
  const scsi::ReservationState given = table->hand_over();
  REQUIRE(given.generation == state.generation && given.reserver == state.reserver && given.lost == state.lost);
  const auto again = scsi::ReservationTable::take_over(given);
  REQUIRE(again.has_value() && *again == *table);
}

void put(std::vector<std::byte>& out, std::size_t size, std::uint64_t value) {
  for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<std::byte>(i < 8 ? value >> 8 * i : 0));
}

// A table of registrants whose lengths and counts mostly fit.
std::vector<std::byte> make_table(Input& input) {
  const std::uint8_t how = input.byte(), type = input.byte(), holder = input.byte();
  const std::uint8_t count = how & 3;
  static constexpr std::uint8_t kTypes[] = {0, 1, 3, 5, 6, 7, 8, 2};
  std::vector<std::byte> out;
  put(out, 2, (how & 0xc0) == 0xc0 ? 2 : 1);
  put(out, 1, how >> 2 & 3);
  put(out, 1, type < 0xf0 ? kTypes[type & 7] : type);
  put(out, 4, (holder & 0x80) != 0 ? 0xffffffff : holder);
  put(out, 4, count + ((how & 0x30) == 0x30 ? type : 0u));
  for (std::uint8_t i = 0; i < count; ++i) {
    const std::uint8_t which = input.byte();
    std::string name = which < 0xe0 ? "iqn.2026-01.test:" + std::to_string(which & 7) : raw_text(input);
    put(out, 8, which >> 3);
    put(out, 2, which & 1);
    put(out, 2, 0x0500);
    put(out, 2, name.size() + (which == 0xdf ? 1 : 0));
    const auto bytes = std::as_bytes(std::span(name));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  if ((how & 0xf0) == 0xe0) put(out, 1, 0);  // behind its end
  return out;
}

// A frame around it opens, and does not once a byte of it is another.
void check_damage(Input& input, std::span<const std::byte> payload) {
  std::vector<std::byte> file = scsi::encode_record("disk0", "reservations", payload);
  REQUIRE(scsi::decode_record("disk0", "reservations", file).has_value());
  REQUIRE(!scsi::decode_record("disk1", "reservations", file).has_value());
  const std::size_t at = input.word() % file.size();
  const std::uint8_t flip = input.byte();
  file[at] ^= std::byte{flip};
  REQUIRE(scsi::decode_record("disk0", "reservations", file).has_value() == (flip == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size != 0 && data[0] == kMade) {
    Input input(data + 1, size - 1);
    const auto table = make_table(input);
    check_table(table);
    check_damage(input, table);
    scsi::ReservationState state{.record = table, .generation = input.word(), .reserver = {}, .lost = false};
    const std::uint8_t how = input.byte();
    state.lost = (how & 1) != 0;
    if ((how & 2) != 0) state.reserver = scsi::NexusKey{{0x05, "iqn.2026-01.test:" + std::to_string(how >> 5)}, 1};
    check_handover(state);
    return 0;
  }
  const auto bytes = std::as_bytes(std::span(data, size));
  check_frame(bytes);
  check_table(bytes);
  check_handover({.record = {bytes.begin(), bytes.end()}, .generation = 0, .reserver = {}, .lost = false});
  return 0;
}
