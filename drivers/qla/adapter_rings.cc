// One round of the port: what the adapter wrote into its rings, what we have for it, one doorbell for all of it.
#include <algorithm>

#include "drivers/qla/adapter.h"

namespace qla {
namespace {

constexpr std::uint32_t kBudget = 64;           // entries of each ring in one round
constexpr std::uint32_t kRoundsPerEvents = 64;  // a look at the event register costs a read of the bus
constexpr std::uint32_t kMostAtioEntries = 7;   // beside the first

}  // namespace

bool Adapter::poll() {
  bool worked = false;
  if (++rounds_ >= kRoundsPerEvents || event_due_ || mailbox_.busy()) [[unlikely]]
    worked |= poll_events();
  if (!device_.failure.empty() || device_.lost) [[unlikely]] {
    recover();
    worked = true;
  }
  if (bringup_.running()) [[unlikely]] {
    poll_bringup();
    worked = true;
    if (phase_ == Phase::kStopped) return true;
  }
  if (device_.running) [[likely]]
    worked |= poll_rings();
  if (!pairs_.empty()) [[unlikely]]
    worked |= poll_pairs();
  worked |= control_.poll();
  worked |= port_.poll();
  for (const Virtual& each : virtual_ports_) worked |= each.parts->poll();
  if (off_) [[unlikely]] {
    const bool over = pairs_leaving_ || quiet() || device_.reactor.now() >= stop_deadline_;
    if (over && pairs_off()) finish_stop();
    return true;
  }
  if (device_.running) [[likely]]
    worked |= request_ring_.flush();
  return worked;
}

bool Adapter::poll_rings() {
  bool worked = poll_responses();
  worked |= poll_atios();
  if (!worked) return false;
  response_ring_.flush();
  atio_ring_.flush();
  return true;
}

// By its address; an S_ID means something at one of our ports only.
inline void Adapter::command(const wire::Atio7& atio, std::span<const wire::Entry> more) {
  if (virtual_ports_.empty()) [[likely]]
    return pairs_.empty() ? port_.queue.atio(atio, more) : hand_on(atio, more);
  const hal::fc::PortId to{atio.header.d_id};
  for (const Virtual& each : virtual_ports_) {
    if (each.port->started() && each.port->id() == to && to.raw != 0) return each.parts->queue.atio(atio, more);
  }
  if (told_.id == to) return pairs_.empty() ? port_.queue.atio(atio, more) : hand_on(atio, more);
  port_.queue.not_ours(atio);
}

void Adapter::notified(const wire::ImmediateNotify& notify) {
  if (notify.vp == 0) return port_.services.notified(notify);
  VirtualPort* const port = virtual_port(notify.vp);
  if (port == nullptr || !port->started()) return port_.services.refuse(notify);
  port->parts().services.notified(notify);
}

void Adapter::aborted(const wire::AbtsReceived& abts) {
  VirtualPort* const port = virtual_port(abts.vp);
  (port == nullptr ? port_ : port->parts()).aborts.received(abts);
}

// Null for the physical one, and for what is none of ours.
VirtualPort* Adapter::virtual_port(std::uint8_t vp) {
  return vp == 0 || vp > virtual_ports_.size() ? nullptr : virtual_ports_[vp - 1u].port.get();
}

inline void Adapter::response(const wire::Entry& entry) {
  const Handle handle{entry.head.handle};
  const auto type = static_cast<wire::EntryType>(entry.head.type);
  if (type == wire::EntryType::kCtio7 && handle.kind() != HandleKind::kControl) [[likely]]
    return port_.queue.answered(handle, reinterpret_cast<const wire::Ctio7Done&>(entry));
  switch (type) {
    case wire::EntryType::kCtioCrc2:  // begins like the others
      return port_.queue.answered(handle, reinterpret_cast<const wire::Ctio7Done&>(entry));
    case wire::EntryType::kCtio7:
    case wire::EntryType::kNotifyAck:
    case wire::EntryType::kAbtsResponse:
    case wire::EntryType::kLogIo:
    case wire::EntryType::kCtPassThrough:
    case wire::EntryType::kElsPassThrough:
    case wire::EntryType::kVpConfiguration:
    case wire::EntryType::kVpControl:
      if (handle.kind() != HandleKind::kControl) return device_.wrong(Count::kWrongHandle, "handle", handle.raw);
      return control_.answered(handle, entry);
    case wire::EntryType::kImmediateNotify:
      return notified(reinterpret_cast<const wire::ImmediateNotify&>(entry));
    case wire::EntryType::kAbtsReceived:
      return aborted(reinterpret_cast<const wire::AbtsReceived&>(entry));
    case wire::EntryType::kReportId: {
      // Of the physical port it tells what the link's sequence asks for.
      const auto& report = reinterpret_cast<const wire::ReportId&>(entry);
      if (VirtualPort* const port = virtual_port(report.vp)) port->reported(report);
      return;
    }
    case wire::EntryType::kMarker:
      return;
    default:
      return device_.wrong(Count::kWrongEntryType, "entry of a type that is not for us", entry.head.type);
  }
}

// The last dword of the next entry is a hint that costs nothing; the register says what is really there.
bool Adapter::poll_responses() {
  if (!response_ring_.peek()) return false;
  const std::uint32_t ready = std::min(response_ring_.ready(), kBudget);
  wire::Entry entry;
  for (std::uint32_t i = 0; i < ready; ++i) {
    response_ring_.take(entry);
    response(entry);
  }
  return ready != 0;
}

inline void Adapter::atio(const wire::Entry& first, std::span<const wire::Entry> more) {
  const auto type = static_cast<wire::EntryType>(first.head.type);
  if (type == wire::EntryType::kAtio7) [[likely]]
    return command(reinterpret_cast<const wire::Atio7&>(first), more);
  switch (type) {
    case wire::EntryType::kImmediateNotify:
      return notified(reinterpret_cast<const wire::ImmediateNotify&>(first));
    case wire::EntryType::kAbtsReceived:
      return aborted(reinterpret_cast<const wire::AbtsReceived&>(first));
    default:
      return device_.wrong(Count::kWrongEntryType, "entry of a type that is not for us", first.head.type);
  }
}

bool Adapter::poll_atios() {
  bool any = false;
  if (!pairs_.have_room(kBudget * (kMostAtioEntries + 1))) [[unlikely]]
    return false;
  // A command that is refused needs an entry at once; without room it stays where it is.
  for (std::uint32_t i = 0; i < kBudget && request_ring_.has_room(1); ++i) {
    if (!atio_held_ && !atio_ring_.take_if_any(atio_)) break;
    if (atio_.head.count > 1) [[unlikely]] {
      if (!long_atio()) break;
    } else {
      atio(atio_, {});
    }
    any = true;
  }
  return any;
}

// One with a long CDB: taken when all its entries are here.
bool Adapter::long_atio() {
  std::array<wire::Entry, kMostAtioEntries> more;
  const std::uint32_t count = std::min<std::uint32_t>(atio_.head.count, kMostAtioEntries + 1) - 1u;
  atio_held_ = atio_ring_.ready() < count;
  if (atio_held_) return false;
  for (std::uint32_t i = 0; i < count; ++i) atio_ring_.take(more[i]);
  atio(atio_, std::span(more).first(count));
  return true;
}

bool Adapter::try_sleep() {
  if (phase_ == Phase::kStopped) return true;
  if (!control_.idle() || !port_.idle() || !pairs_.all_sent() || off_ || !device_.failure.empty() || device_.lost)
    return false;
  for (const Virtual& each : virtual_ports_) {
    if (!each.parts->idle()) return false;
  }
  if (mailbox_.busy() || (bringup_.running() && !bringup_.waits())) return false;
  if (!device_.running) return true;  // a timer is what comes next
  // What others asked for after our last round, and events, which may ask for more.
  if (request_ring_.flush() || poll_events()) return false;
  device_.registers.write(regs::InterruptControl{}.set<regs::InterruptControl::Enable>(true));
  pci_->unmask_intx();
  return !response_ring_.peek() && !atio_ring_.peek();
}

void Adapter::wake() {
  if (phase_ == Phase::kStopped || !device_.running) return;
  if (pairs_.empty()) device_.registers.write(regs::InterruptControl{});
  event_due_ = true;
}

}  // namespace qla
