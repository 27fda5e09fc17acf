// Requests of remote ports, handed to the user; what the firmware says of ports by itself.
#include "drivers/qla/link_services.h"

#include <algorithm>
#include <optional>

#include "hal/port/fc_els.h"

namespace qla {
namespace {

using hal::fc::Els;
using hal::fc::LinkService;
using hal::fc::LinkServiceKind;

std::optional<LinkServiceKind> kind_of(std::uint8_t els) {
  switch (els) {
    case Els::kPlogi:
      return LinkServiceKind::kPlogi;
    case Els::kLogo:
      return LinkServiceKind::kLogo;
    case Els::kPrli:
      return LinkServiceKind::kPrli;
    case Els::kPrlo:
      return LinkServiceKind::kPrlo;
    case Els::kTprlo:
      return LinkServiceKind::kTprlo;
    case Els::kPdisc:
      return LinkServiceKind::kPdisc;
    case Els::kAdisc:
      return LinkServiceKind::kAdisc;
    default:
      return std::nullopt;
  }
}

// Whoever is not logged in has only PLOGI to say (FC-LS-3 4.2.2).
hal::fc::LinkServiceAnswer refusal_of(std::optional<LinkServiceKind> kind, bool known) {
  using hal::fc::LsRjt;
  if (!kind.has_value()) return {.accept = false, .reason = LsRjt::kCommandNotSupported};
  if (known || *kind == LinkServiceKind::kPlogi) return {.accept = false, .reason = LsRjt::kLogicalBusy};
  return {.accept = false, .reason = LsRjt::kUnableToPerform, .explanation = LsRjt::kLoginRequired};
}

bool ends_login(LinkServiceKind kind) { return kind != LinkServiceKind::kPdisc && kind != LinkServiceKind::kAdisc; }

}  // namespace

LinkServices::LinkServices(Device& device, Control& control, Logins& logins, TargetQueue& queue, const Pairs* pairs,
                           std::uint8_t vp)
    : device_(device), control_(control), logins_(logins), queue_(queue), pairs_(pairs), vp_(vp) {
  owed_logins_.reserve(logins.count());
}

void LinkServices::notified(const wire::ImmediateNotify& notify) {
  ++device_.counters[Count::kLinkServices];
  const auto status = static_cast<wire::NotifyStatus>(std::uint16_t{notify.status});
  device_.note(Event::kLinkService, "", std::uint64_t{notify.subcode} << 24 | notify.port_id);
  if (status == wire::NotifyStatus::kEls) return els(notify);
  if (status == wire::NotifyStatus::kSrr) return refuse_retransmission(notify);
  not_els(notify, status);
  acknowledge(notify, {}, Purpose::kIgnored, 0);
}

void LinkServices::refuse(const wire::ImmediateNotify& notify) {
  ++device_.counters[Count::kLinkServicesRefused];
  const bool els = static_cast<wire::NotifyStatus>(std::uint16_t{notify.status}) == wire::NotifyStatus::kEls;
  acknowledge(notify, {.accept = !els, .reason = hal::fc::LsRjt::kUnableToPerform}, Purpose::kIgnored, 0);
}

// SRR (FCP-4 7.5): we do not offer retransmission in PRLI, and have no data to send again.
void LinkServices::refuse_retransmission(const wire::ImmediateNotify& notify) {
  constexpr std::uint8_t kNoData = 0x2a;
  ++device_.counters[Count::kLinkServicesRefused];
  auto* const ack = prepare_acknowledge(notify);
  if (ack == nullptr) return device_.fail("all control entries are out");
  ack->srr_flags = wire::NotifyAck::kSrrReject;
  ack->srr_reason = hal::fc::LsRjt::kUnableToPerform;
  ack->srr_explanation = kNoData;
  control_.send(*this, cookie(Purpose::kIgnored, 0));
}

void LinkServices::els(const wire::ImmediateNotify& notify) {
  const auto kind = kind_of(notify.subcode);
  const auto free =
      std::find_if(pending_.begin(), pending_.end(), [](const Pending& p) { return p.state == State::kFree; });
  const bool known = notify.nport < wire::kHandles;  // to the firmware: it is logged in, or is about to be
  if (!kind.has_value() || free == pending_.end() || !known) {
    ++device_.counters[Count::kLinkServicesRefused];
    acknowledge(notify, refusal_of(kind, known), Purpose::kIgnored, 0);
    return;
  }
  Pending& pending = *free;
  pending.state = State::kAsked;
  pending.kind = *kind;
  pending.notify = notify;
  pending.had_login = false;
  LinkService service;
  service.id = static_cast<std::uint32_t>(free - pending_.begin()) | std::uint32_t{pending.generation} << 16;
  service.kind = *kind;
  service.from = port_of(notify, *kind);
  if (*kind == LinkServiceKind::kPrli) service.service_parameters = service_parameters_of(notify);
  if (ends_login(*kind)) {
    const bool had = end_logins_of(service.from, *kind == LinkServiceKind::kPrlo || *kind == LinkServiceKind::kTprlo);
    pending.had_login = had || busy_with(service.from);
  }
  user_->link_service_received(service);
}

void LinkServices::not_els(const wire::ImmediateNotify& notify, wire::NotifyStatus status) {
  switch (status) {
    case wire::NotifyStatus::kPortLogout:
    case wire::NotifyStatus::kPortChanged:
      return port_logged_out(notify.nport);
    case wire::NotifyStatus::kGlobalTprlo:
    case wire::NotifyStatus::kGlobalLogo:
      return end_all(false);
    default:
      return;  // LIP, overflow of the firmware's own queues: nothing of ours has ended
  }
}

}  // namespace qla
