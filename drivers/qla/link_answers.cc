// Answers to requests of remote ports: held back while an older login lasts, then a notify acknowledge; an accepted
// PRLI is a login.
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "drivers/qla/link_services.h"
#include "drivers/qla/names.h"
#include "hal/port/fc_els.h"

namespace qla {
namespace {

using hal::fc::LinkServiceKind;

constexpr base::Logger kLog("qla");

}  // namespace

hal::fc::RemotePort LinkServices::port_of(const wire::ImmediateNotify& notify, LinkServiceKind kind) {
  hal::fc::RemotePort port;
  port.id.raw = notify.port_id;
  port.port_name = wwn_of(notify.port_name);
  const bool named =
      kind == LinkServiceKind::kPlogi || kind == LinkServiceKind::kPdisc || kind == LinkServiceKind::kAdisc;
  if (named) port.node_name = wwn_of(notify.detail);
  return port;
}

std::uint32_t LinkServices::service_parameters_of(const wire::ImmediateNotify& notify) {
  base::le16 low;
  std::memcpy(&low, notify.detail.data(), sizeof low);
  return low;
}

void LinkServices::answer(std::uint32_t id, const hal::fc::LinkServiceAnswer& answer) {
  const std::size_t slot = id & 0xffff;
  CHECK(slot < kPending);
  Pending& pending = pending_[slot];
  if (pending.generation != id >> 16 || pending.state != State::kAsked) return;  // the adapter was reset meanwhile
  pending.answer = answer;
  pending.state = State::kHeld;
  resume_held();
}

void LinkServices::resume_held() {
  for (std::size_t i = 0; i < kPending; ++i) {
    Pending& pending = pending_[i];
    if (pending.state != State::kHeld) continue;
    const bool begins = pending.kind == LinkServiceKind::kPlogi || pending.kind == LinkServiceKind::kPrli;
    if (begins && pending.answer.accept && busy_with(port_of(pending.notify, pending.kind))) continue;
    proceed(i);
  }
}

// Nothing holds this answer back any more.
void LinkServices::proceed(std::size_t slot) {
  Pending& pending = pending_[slot];
  const wire::ImmediateNotify& notify = pending.notify;
  if (pending.kind == LinkServiceKind::kPlogi && pending.answer.accept && std::exchange(pending.had_login, false)) {
    const std::uint16_t keep_handle = wire::LogIo::Operation::of(wire::kLogLogo) | wire::LogIo::Implicit::kMask;
    pending.state = State::kClearing;
    if (log_out(notify.nport, {notify.port_id}, keep_handle, Purpose::kCleared, slot)) return;
  }
  if (pending.kind == LinkServiceKind::kPrli && pending.answer.accept && logins_.full()) {
    pending.answer.accept = false;
    pending.answer.reason = hal::fc::LsRjt::kLogicalBusy;
  }
  pending.state = State::kAnswering;
  if (acknowledge(notify, pending.answer, Purpose::kAcknowledged, slot)) return;
  pending.state = State::kHeld;  // no slot for the entry now: tried again with the next one that ends
}

// What every acknowledgement repeats; null: all control entries are out.
wire::NotifyAck* LinkServices::prepare_acknowledge(const wire::ImmediateNotify& notify) {
  auto* const ack = control_.prepare<wire::NotifyAck>(wire::EntryType::kNotifyAck);
  if (ack == nullptr) return nullptr;
  ack->nport = notify.nport;
  ack->flags = notify.flags;
  ack->srr_rx_id = notify.srr_rx_id;
  ack->status = notify.status;
  ack->subcode = notify.subcode;
  ack->firmware_handle = notify.firmware_handle;
  ack->exchange = notify.exchange;
  ack->srr_offset = notify.srr_offset;
  ack->srr_ui = notify.srr_ui;
  ack->vp = notify.vp;
  ack->ox_id = notify.ox_id;
  return ack;
}

bool LinkServices::acknowledge(const wire::ImmediateNotify& notify, const hal::fc::LinkServiceAnswer& answer,
                               Purpose purpose, std::size_t slot) {
  auto* const ack = prepare_acknowledge(notify);
  if (ack == nullptr) return false;
  if (!answer.accept) {
    ack->flags = wire::NotifyAck::Reject::set(notify.flags, true);
    ack->srr_reason = answer.reason;
    ack->srr_explanation = answer.explanation;
  }
  control_.send(*this, cookie(purpose, slot));
  return true;
}

bool LinkServices::log_out(std::uint16_t nport, hal::fc::PortId port, std::uint16_t flags, Purpose purpose,
                           std::size_t slot) {
  auto* const entry = control_.prepare<wire::LogIo>(wire::EntryType::kLogIo);
  if (entry == nullptr) return false;
  entry->nport = nport;
  entry->vp = vp_;
  entry->port_id = port.raw;
  entry->flags = flags;
  control_.send(*this, cookie(purpose, slot));
  return true;
}

void LinkServices::control_answered(std::uint32_t cookie, const wire::Entry* answer) {
  const std::size_t slot = cookie & 0xffffff;
  switch (static_cast<Purpose>(cookie >> 24)) {
    case Purpose::kAcknowledged:
      acknowledged(slot, answer);
      break;
    case Purpose::kCleared:
      if (pending_[slot].state == State::kClearing) pending_[slot].state = State::kHeld;
      break;
    case Purpose::kLoggedOut:
      if (logins_[static_cast<hal::fc::LoginId>(slot)].state == LoginState::kLeaving) {
        logins_.release(static_cast<hal::fc::LoginId>(slot));
      }
      break;
    case Purpose::kIgnored:
      break;
  }
  resume_held();
}

void LinkServices::acknowledged(std::size_t slot, const wire::Entry* answer) {
  Pending& pending = pending_[slot];
  if (pending.state != State::kAnswering) return;  // the adapter was reset
  const bool accepted = pending.answer.accept && answer != nullptr && answer->head.status == 0 &&
                        reinterpret_cast<const wire::NotifyAck*>(answer)->status == wire::kNotifyAckOk;
  pending.state = State::kFree;
  ++pending.generation;
  if (accepted && pending.kind == LinkServiceKind::kPrli) log_in(pending);
}

void LinkServices::log_in(const Pending& pending) {
  Login login;
  login.state = LoginState::kClosed;
  login.nport = pending.notify.nport;
  login.epoch = device_.epoch;
  login.service_parameters = service_parameters_of(pending.notify);
  login.confirms = (login.service_parameters & hal::fc::FcpService::kConfirmedCompletion) != 0;
  login.remote = port_of(pending.notify, pending.kind);
  end_logins_of(login.remote);  // one that came in meanwhile
  const hal::fc::LoginId id = logins_.add(login);
  if (id == Logins::kNone) return device_.wrong(Count::kLinkServicesRefused, "more logins than there is room for");
  device_.note(Event::kLogin, "", login.remote.id.raw);
  kLog.debug("{}: login of {} at {:06x}", device_.options.name, hal::fc::to_string(login.remote.port_name),
             login.remote.id.raw);
  user_->logged_in(id, login.remote, login.service_parameters);
}

}  // namespace qla
