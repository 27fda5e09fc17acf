// Commands as they arrive: checked, and made into exchanges; or refused.
#include <algorithm>
#include <cstring>

#include "drivers/qla/ctio.h"
#include "drivers/qla/queue.h"

namespace qla {
namespace {

constexpr std::uint32_t kLeastLength = 56;  // FC header and an FCP_CMND with a CDB of 16 bytes
constexpr std::uint8_t kBusy = 0x08, kTaskSetFull = 0x28;

// How many entries an ATIO with so many additional dwords of CDB has: behind byte 60 they and FCP_DL.
std::uint32_t entries_of(std::uint32_t additional) {
  constexpr auto kEntry = static_cast<std::uint32_t>(wire::kEntryBytes);
  return (60 + 4 * additional + 4 + kEntry - 1) / kEntry;
}

// The CDB beyond 16 bytes, and FCP_DL behind it, straddle entries.
void read_long_cdb(hal::fc::Exchange& exchange, std::uint32_t additional, const wire::Atio7& atio,
                   std::span<const wire::Entry> more) {
  std::array<std::byte, 4 + 4 * 63 + 4 + wire::kEntryBytes> tail;
  std::memcpy(tail.data(), &atio.data_length, 4);
  std::memcpy(tail.data() + 4, more.data(), more.size_bytes());
  std::memcpy(exchange.cdb.data() + 16, tail.data(), 4 * additional);
  base::be32 data_length;
  std::memcpy(&data_length, tail.data() + 4 * additional, 4);
  exchange.cdb_length = static_cast<std::uint16_t>(16 + 4 * additional);
  exchange.data_length = data_length;
}

}  // namespace

inline void TargetQueue::begin(Slot& slot, const wire::Atio7& atio, hal::fc::LoginId login, const Sender& sender) {
  address_ctio(slot.ctio, atio, sender.nport);
  slot.confirms = sender.confirms;
  slot.login = login;
  slot.ox_id = atio.header.ox_id;
  slot.rx_id = atio.header.rx_id;
  slot.lun = atio.lun;
  slot.command_reference_number = atio.command_reference_number;
  slot.task_attribute = atio.task_attribute & 7;
  slot.priority = atio.task_attribute >> 3 & 15;
  slot.task_management_flags = atio.task_management;
  slot.reads = wire::Atio7::ReadData::get(atio.flags);
  slot.writes = wire::Atio7::WriteData::get(atio.flags);
  slot.data_length = atio.data_length;
  slot.cdb_length = 16;
  std::memcpy(slot.cdb.data(), atio.cdb.data(), 16);
  slot.in_use = slot.alive = true;
  slot.finished = slot.aborted = slot.ending_sent = slot.terminate_wanted = slot.terminate_requested = false;
  slot.ending = Ending::kNone;
  slot.first = slot.steps = 0;
}

bool TargetQueue::is_whole(const wire::Atio7& atio, std::span<const wire::Entry> more) {
  const std::uint32_t additional = wire::Atio7::AdditionalCdb::get(atio.flags);
  const std::uint32_t length = wire::Atio7::Length::get(atio.attribute_length);
  return length >= kLeastLength + 4 * additional && (additional == 0 || more.size() + 1 >= entries_of(additional));
}

void TargetQueue::atio(const wire::Atio7& atio, std::span<const wire::Entry> more) {
  const hal::fc::LoginId login = logins_.find(atio.header.s_id);
  if (!is_whole(atio, more)) [[unlikely]]
    return refuse_by_end(atio, login);
  ++site_.counters[Count::kCommands];
  if (login == Logins::kNone || logins_.found(login).state != LoginState::kOpen || free_ == nullptr ||
      atio.exchange == wire::kNoExchangeAddress) [[unlikely]] {
    return refuse_command(atio, login);
  }
  accept(atio, more, login, logins_.found(login));
}

void TargetQueue::command(const wire::Atio7& atio, std::span<const wire::Entry> more, hal::fc::LoginId login,
                          const Sender& sender) {
  ++site_.counters[Count::kCommands];
  if (free_ == nullptr || atio.exchange == wire::kNoExchangeAddress) [[unlikely]]
    return refuse(atio, sender.nport, kTaskSetFull);
  accept(atio, more, login, sender);
}

inline void TargetQueue::accept(const wire::Atio7& atio, std::span<const wire::Entry> more, hal::fc::LoginId login,
                                const Sender& sender) {
  Slot& slot = *free_;
  free_ = slot.next_free;
  ++in_use_;
  begin(slot, atio, login, sender);
  if (wire::Atio7::AdditionalCdb::get(atio.flags) != 0) [[unlikely]]
    return long_command(slot, atio, more);
  user_->command_received(slot);
}

void TargetQueue::long_command(Slot& slot, const wire::Atio7& atio, std::span<const wire::Entry> more) {
  const std::uint32_t additional = wire::Atio7::AdditionalCdb::get(atio.flags);
  read_long_cdb(slot, additional, atio, more.first(entries_of(additional) - 1));
  user_->command_received(slot);
}

void TargetQueue::refuse_command(const wire::Atio7& atio, hal::fc::LoginId login) {
  if (login == Logins::kNone) return refuse(atio, wire::kHandleUnknown, kBusy);
  refuse(atio, logins_[login].nport, logins_[login].state != LoginState::kOpen ? kBusy : kTaskSetFull);
}

void TargetQueue::not_ours(const wire::Atio7& atio) { refuse(atio, wire::kHandleUnknown, kBusy); }

// A CTIO for a command that gets no exchange of ours.
wire::Ctio7Mode1& TargetQueue::next_stray(const wire::Atio7& atio, std::uint16_t nport) {
  auto& ctio = ring_.next<wire::Ctio7Mode1>();
  address_ctio(ctio, atio, nport);
  ctio.vp = place_.vp;
  ctio.head.handle = Handle::make(HandleKind::kStray, 0, 0).raw;
  return ctio;
}

void TargetQueue::refuse(const wire::Atio7& atio, std::uint16_t nport, std::uint8_t status) {
  ++site_.counters[status == kBusy ? Count::kBusyAnswers : Count::kFullAnswers];
  auto& ctio = next_stray(atio, nport);
  std::uint16_t word = status;
  if (std::uint32_t{atio.data_length} != 0 && wire::Atio7::AdditionalCdb::get(atio.flags) == 0) {
    word |= wire::kStatusUnder;
    ctio.residual = std::uint32_t{atio.data_length};
  }
  ctio.scsi_status = word;
  ctio.flags = static_cast<std::uint16_t>(std::uint16_t{ctio.flags} | wire::CtioFlags::SendStatus::kMask |
                                          wire::CtioFlags::Mode::of(1));
}

void TargetQueue::refuse_by_end(const wire::Atio7& atio, hal::fc::LoginId login) {
  site_.wrong(Count::kWrongAtio, "ATIO with a wrong length", wire::Atio7::Length::get(atio.attribute_length));
  fill_terminate(next_stray(atio, login == Logins::kNone ? wire::kHandleUnknown : logins_[login].nport));
  ++site_.counters[Count::kTerminated];
}

}  // namespace qla
