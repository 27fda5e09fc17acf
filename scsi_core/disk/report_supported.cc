// REPORT SUPPORTED OPERATION CODES and ... TASK MANAGEMENT FUNCTIONS, the former from the opcode table alone.
#include "base/bits.h"
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/data_in.h"

namespace scsi::disk {
namespace {

using base::be16;
using base::be32;

struct CommandDescriptor {  // SPC-5 table 232
  std::uint8_t operation_code;
  std::uint8_t reserved1;
  be16 service_action;
  std::uint8_t reserved4;
  std::uint8_t flags;
  be16 cdb_length;
};
static_assert(sizeof(CommandDescriptor) == 8);
using Ctdp = base::Flag8<1>;
using Servactv = base::Flag8<0>;

struct TimeoutsDescriptor {  // SPC-5 table 235
  be16 descriptor_length = 10;
  std::uint8_t reserved = 0;
  std::uint8_t command_specific = 0;
  be32 nominal;
  be32 recommended;
};
static_assert(sizeof(TimeoutsDescriptor) == 12);

struct OneCommand {  // SPC-5 table 233
  std::uint8_t reserved;
  std::uint8_t support;
  be16 cdb_size;
};
static_assert(sizeof(OneCommand) == 4);
using OneCtdp = base::Flag8<7>;
using Support = base::Bits8<2, 0>;
constexpr std::uint8_t kNotSupported = 1, kSupported = 3;

void put_timeouts(base::Writer& out, const OpcodeRow& row) {
  out.put(TimeoutsDescriptor{.nominal = row.nominal_timeout, .recommended = row.recommended_timeout});
}

void all_commands(Command& c, bool timeouts, std::uint32_t allocation_length) {
  DataIn data(sizeof(be32) + 256 * (sizeof(CommandDescriptor) + sizeof(TimeoutsDescriptor)));
  data.out().put(be32(0));
  for (const OpcodeRow& row : c.core.lu->opcodes().rows()) {
    data.out().put(CommandDescriptor{row.opcode, 0, row.service_action, 0,
                                     static_cast<std::uint8_t>(Ctdp::of(timeouts) | Servactv::of(row.sa_byte != 0)),
                                     row.length});
    if (timeouts) put_timeouts(data.out(), row);
  }
  data.patch_length<be32>(0);
  data.reply(c, allocation_length);
}

void one_command(Command& c, const OpcodeRow* row, bool timeouts, std::uint32_t allocation_length) {
  DataIn data;
  if (row == nullptr) {
    data.out().put(OneCommand{0, Support::of(kNotSupported), 0});
  } else {
    data.out().put(
        OneCommand{0, static_cast<std::uint8_t>(OneCtdp::of(timeouts) | Support::of(kSupported)), row->length});
    data.out().bytes(std::as_bytes(std::span(row->usage).first(row->length)));
    if (timeouts) put_timeouts(data.out(), *row);
  }
  data.reply(c, allocation_length);
}

// The first row of an opcode, and the row of its service action.
struct Rows {
  const OpcodeRow* any = nullptr;
  const OpcodeRow* wanted = nullptr;
};

Rows find(const OpcodeTable& table, std::uint8_t opcode, std::uint16_t service_action) {
  Rows rows;
  for (const OpcodeRow& row : table.rows()) {
    if (row.opcode != opcode) continue;
    if (rows.any == nullptr) rows.any = &row;
    if (row.service_action == service_action) rows.wanted = &row;
  }
  return rows;
}

}  // namespace

void report_supported_operation_codes(Command& c) {
  const auto& cdb = wire<cdb::ReportSupported>(c);
  const bool timeouts = cdb::Rctd::get(cdb.options);
  const Rows rows = find(c.core.lu->opcodes(), cdb.requested_operation_code, cdb.requested_service_action);
  const bool has_actions = rows.any != nullptr && rows.any->sa_byte != 0;
  switch (cdb::ReportingOptions::get(cdb.options)) {
    case 0:
      return all_commands(c, timeouts, cdb.allocation_length);
    case 1:
      if (has_actions) break;
      return one_command(c, rows.any, timeouts, cdb.allocation_length);
    case 2:
      if (rows.any != nullptr && !has_actions) break;
      return one_command(c, rows.wanted, timeouts, cdb.allocation_length);
    case 3:
      return one_command(c, rows.wanted, timeouts, cdb.allocation_length);
    default:
      break;
  }
  finish(c, Outcome::invalid_cdb_field(offsetof(cdb::ReportSupported, options), cdb::ReportingOptions::kHi));
}

// SPC-5 6.35. TARGET RESET is kept for RFC 7143; there is no ACA to be cleared (CACAS), and no WAKEUP.
void report_supported_task_management_functions(Command& c) {
  const auto& cdb = wire<cdb::ReportSupported>(c);
  constexpr std::uint8_t kAts = 0x80, kAtss = 0x40, kCtss = 0x10, kLurs = 0x08, kQts = 0x04, kTrs = 0x02;
  constexpr std::uint8_t kQaes = 0x04, kQtss = 0x02, kItnrs = 0x01;
  constexpr std::uint8_t kExtended = 0x0c;
  const bool extended = cdb::Rctd::get(cdb.options);  // REPD
  DataIn data;
  data.out().put(std::uint8_t{kAts | kAtss | kCtss | kLurs | kQts | kTrs});
  data.out().put(std::uint8_t{kQaes | kQtss | kItnrs});
  data.out().fill(1);
  data.out().put(extended ? kExtended : std::uint8_t{0});
  if (extended) data.out().fill(kExtended);  // no timeouts are told
  data.reply(c, cdb.allocation_length);
}

}  // namespace scsi::disk
