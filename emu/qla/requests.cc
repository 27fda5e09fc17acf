// The table of requests: which entry goes where.
#include <fmt/format.h>

#include "emu/qla/firmware.h"

namespace emu::qla {

namespace {
bool is_known(wire::EntryType type, const Chip& chip) {
  const bool protects = type == wire::EntryType::kCtioCrc2 || type == wire::EntryType::kCommandCrc2;
  return !protects || regs::FirmwareAttributes::ProtectionInformation::get(chip.attributes);
}
}  // namespace

struct EntryTable {
  struct Row {
    wire::EntryType type;
    const char* name;
    bool continues;  // may have continuations
    void (*handler)(Firmware&, const Request&);
  };
  static constexpr Row kRows[] = {
      {wire::EntryType::kMarker, "marker", false, [](Firmware& f, const Request& r) { f.initiator.marker(r); }},
      {wire::EntryType::kCommand7, "command type 7", true,
       [](Firmware& f, const Request& r) { f.initiator.command7(r); }},
      {wire::EntryType::kCommand6, "command type 6", true,
       [](Firmware& f, const Request& r) { f.initiator.command6(r); }},
      {wire::EntryType::kTaskManagement, "task management", false,
       [](Firmware& f, const Request& r) { f.initiator.task_management(r); }},
      {wire::EntryType::kAbort, "abort", false, [](Firmware& f, const Request& r) { f.initiator.abort(r); }},
      {wire::EntryType::kCtio7, "CTIO", true, [](Firmware& f, const Request& r) { f.target.ctio(r); }},
      {wire::EntryType::kCtioCrc2, "protected CTIO", false, [](Firmware& f, const Request& r) { f.target.ctio(r); }},
      {wire::EntryType::kCommandCrc2, "protected command", false,
       [](Firmware& f, const Request& r) { f.initiator.command_crc2(r); }},
      {wire::EntryType::kNotifyAck, "notify acknowledge", false,
       [](Firmware& f, const Request& r) { f.notify.acknowledged(r); }},
      {wire::EntryType::kAbtsResponse, "ABTS response", false,
       [](Firmware& f, const Request& r) { f.aborts.answered(r); }},
      {wire::EntryType::kCtPassThrough, "CT pass-through", true,
       [](Firmware& f, const Request& r) { f.services.ct(r); }},
      {wire::EntryType::kElsPassThrough, "ELS pass-through", true,
       [](Firmware& f, const Request& r) { f.services.els(r); }},
      {wire::EntryType::kLogIo, "login or logout", false, [](Firmware& f, const Request& r) { f.services.log_io(r); }},
      {wire::EntryType::kMailbox, "mailbox", false, [](Firmware& f, const Request& r) { f.mailbox_entry(r); }},
      {wire::EntryType::kVpControl, "VP control", false,
       [](Firmware& f, const Request& r) { f.virtual_ports.control(r); }},
      {wire::EntryType::kVpConfiguration, "VP configuration", false,
       [](Firmware& f, const Request& r) { f.virtual_ports.configure(r); }},
  };
  static const Row* find(std::uint8_t type) {
    static const auto rows = [] {
      std::array<const Row*, 256> table{};
      for (const Row& row : kRows) table[static_cast<std::size_t>(row.type)] = &row;
      return table;
    }();
    return rows[type];
  }
};

void Firmware::process(const Request& request) {
  const std::uint8_t type = request.head().type;
  if (request.miscounted) return core.refuse(request, wire::kEntryBadCount);
  // With more queues than one, commands may name the response queue that they are answered in.
  if (request.head().status != 0 && (core.queues.count() == 1 || request.head().status != request.origin.response)) {
    core.host.fault(fmt::format("request of type {:02x} with status {:02x}", type, request.head().status));
    return core.refuse(request, wire::kEntryBadParameter);
  }
  const EntryTable::Row* row = EntryTable::find(type);
  if (row == nullptr || !is_known(row->type, core.chip)) {
    core.host.fault(fmt::format("request of type {:02x}", type));
    return core.refuse(request, wire::kEntryBadType);
  }
  if (!row->continues && request.entries.size() > 1) {
    core.host.fault(fmt::format("{} with {} entries", row->name, request.entries.size()));
    return core.refuse(request, wire::kEntryBadCount);
  }
  row->handler(*this, request);
}

// A mailbox command in an entry: as many as the host likes at a time.
void Firmware::mailbox_entry(const Request& request) {
  auto entry = request.as<wire::MailboxEntry>();
  MailboxCall call;
  for (std::size_t i = 0; i < entry.mailbox.size(); ++i) call.in[i] = entry.mailbox[i];
  call.out = call.in;
  call.from_entry = true;
  const MailboxAnswer answer = mailboxes.execute(call);
  call.out[0] = static_cast<std::uint16_t>(answer.value_or(MailboxStatus::kCommandError));
  for (std::size_t i = 0; i < entry.mailbox.size(); ++i) entry.mailbox[i] = call.out[i];
  core.answer(request.origin, entry);
}

}  // namespace emu::qla
