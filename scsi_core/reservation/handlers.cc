// Reservation commands: parameter lists in, parameter data out; the work is done at home.
#include "scsi_core/reservation/handlers.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/cursor.h"
#include "base/endian.h"
#include "scsi_core/execution.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/reservation/parameters.h"
#include "scsi_core/reservation/report.h"
#include "scsi_core/reservation/reservations.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

struct InCdb {  // SPC-5 table 194
  std::uint8_t operation_code;
  std::uint8_t service_action;
  std::uint8_t reserved[5];
  base::be16 allocation_length;
  std::uint8_t control;
};

struct OutCdb {  // SPC-5 table 204
  std::uint8_t operation_code;
  std::uint8_t service_action;
  std::uint8_t scope_and_type;
  std::uint8_t reserved[2];
  base::be32 parameter_list_length;
  std::uint8_t control;
};
static_assert(sizeof(InCdb) == 10 && sizeof(OutCdb) == 10);

template <class Cdb>
Cdb read_cdb(const Command& command) {
  Cdb cdb;
  std::memcpy(&cdb, command.cdb.data(), sizeof cdb);
  return cdb;
}

Reservations& reservations(const Command& command) { return command.core.lu->reservations(); }

void submit(Command& command) { reservations(command).submit(command); }
void good(Command& command) { finish(command); }
void change(Command& command) { at_home_async(command, &submit, &good); }

std::vector<std::byte> report(const ReservationTable& table, const InCdb& cdb) {
  std::vector<std::byte> data(cdb.allocation_length);
  base::Writer writer(data);
  switch (cdb.service_action & 0x1f) {
    case 0:
      report_keys(table, writer);
      break;
    case 1:
      report_reservation(table, writer);
      break;
    case 2:
      report_capabilities(table, writer);
      break;
    default:
      report_full_status(table, writer);
      break;
  }
  data.resize(writer.written());
  return data;
}

// Fills the segments; core.length becomes what there is to send.
void report_at_home(Command& command) {
  const ReservationTable& table = reservations(command).table();
  if (table.reserved_by_reserve()) return fail_at_home(command, Outcome::of(Status::kReservationConflict));
  if (table.lost()) return fail_at_home(command, Outcome::check(kPersistentReservationInformationLost));
  const std::vector<std::byte> data = report(table, read_cdb<InCdb>(command));
  command.core.length = data.size();
  std::span<const std::byte> left = data;
  for (std::size_t i = 0; i < command.core.segment_count && !left.empty(); ++i) {
    const std::span<std::byte> to = command.core.segments[i].bytes;
    const std::size_t part = std::min(to.size(), left.size());
    std::memcpy(to.data(), left.data(), part);
    left = left.subspan(part);
  }
}

void send_report(Command& command) { send_last(command, 0, command.core.length); }
void fetch_report(Command& command) { at_home(command, &report_at_home, &send_report); }

}  // namespace

void persistent_reserve_in(Command& command) {
  const std::uint64_t allocation = read_cdb<InCdb>(command).allocation_length;
  if (allocation == 0) return fetch_report(command);
  take_buffers(command, allocation, &fetch_report);
}

void persistent_reserve_out(Command& command) {
  const std::uint32_t length = read_cdb<OutCdb>(command).parameter_list_length;
  // The shortest list there is. That a longer one is too long can only be told from its content.
  if (length < kBasicListLength) return finish(command, Outcome::check(kParameterListLengthError));
  receive_parameters(command, length, &change);
}

void reserve_6(Command& command) { change(command); }
void reserve_10(Command& command) { change(command); }
void release_6(Command& command) { change(command); }
void release_10(Command& command) { change(command); }

}  // namespace scsi
