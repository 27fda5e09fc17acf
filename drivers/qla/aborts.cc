// Finds what an ABTS means, and answers it (FC-FS-4 basic link services).
#include "drivers/qla/aborts.h"

#include <algorithm>
#include <cstring>

namespace qla {
namespace {

constexpr std::uint8_t kBaAcc = 0x84, kBaRjt = 0x85;
constexpr std::uint8_t kLogicalError = 0x03, kInvalidExchangeIds = 0x03;
constexpr std::uint32_t kExchangeResponder = 0x800000, kSequenceInitiative = 0x010000, kLastSequence = 0x100000,
                        kEndSequence = 0x080000;
constexpr std::uint32_t kSequenceOnly = 0x1;  // parameter: abort the sequence, the exchange goes on

template <class T>
void put(wire::Bytes<16>& payload, const T& value) {
  std::memcpy(payload.data(), &value, sizeof value);
}

}  // namespace

Aborts::Aborts(Device& device, Control& control, const Logins& logins, TargetQueue& queue, const Pairs* pairs)
    : device_(device), control_(control), logins_(logins), queue_(queue), pairs_(pairs) {
  queue_.set_watcher(*this);
}

void Aborts::received(const wire::AbtsReceived& abts) {
  ++device_.counters[Count::kAborts];
  const std::uint32_t s_id = abts.header.s_id;
  device_.note(Event::kAbort, "", std::uint64_t{abts.header.ox_id} << 24 | s_id);
  const hal::fc::LoginId login = logins_.find(s_id);
  const auto free =
      std::find_if(pending_.begin(), pending_.end(), [](const Pending& p) { return p.state == State::kFree; });
  if (abts.exchange_to_abort == wire::kNoExchangeAddress || (abts.header.parameter & kSequenceOnly) != 0 ||
      login == Logins::kNone || free == pending_.end()) {
    return refuse(abts);
  }
  free->state = State::kWaiting;
  free->again = false;
  free->abts = abts;
  const auto cookie = static_cast<std::uint32_t>(free - pending_.begin()) | std::uint32_t{++free->generation} << 16;
  if (!begin(abts, login, cookie)) finish(cookie, false);
}

// Asks who has the exchange. False: nobody.
bool Aborts::begin(const wire::AbtsReceived& abts, hal::fc::LoginId login, std::uint32_t cookie) {
  QueuePair* const pair = pairs_ == nullptr ? nullptr : pairs_->of(login);
  if (pair == nullptr) return queue_.abort(abts.exchange_to_abort, abts.header.s_id, abts.header.ox_id, cookie);
  Order order{.kind = Order::Kind::kAbort, .login = login, .epoch = device_.epoch, .cookie = cookie};
  std::memcpy(static_cast<void*>(&order.entry), static_cast<const void*>(&abts), sizeof order.entry);
  pair->add(order);
  return true;
}

void Aborts::finish(std::uint32_t cookie, bool found) {
  const std::uint32_t i = cookie & 0xffff;
  Pending& pending = pending_[i];
  if (pending.state != State::kWaiting || pending.generation != cookie >> 16) return;  // the adapter was reset
  if (!found) {
    pending.state = State::kFree;
    return refuse(pending.abts);
  }
  pending.state = answer(pending.abts, true, i) ? State::kAnswering : State::kFree;
}

void Aborts::refuse(const wire::AbtsReceived& abts) {
  ++device_.counters[Count::kAbortsUnknown];
  answer(abts, false, kNobody);
}

bool Aborts::answer(const wire::AbtsReceived& abts, bool accept, std::uint32_t cookie) {
  auto* const response = control_.prepare<wire::AbtsResponse>(wire::EntryType::kAbtsResponse);
  if (response == nullptr) return false;
  response->nport = abts.nport;
  response->vp = abts.vp;
  response->sof = abts.sof;
  response->exchange = abts.exchange;
  response->header = abts.header;
  response->header.d_id = std::uint32_t{abts.header.s_id};
  response->header.s_id = std::uint32_t{abts.header.d_id};
  response->header.r_ctl = accept ? kBaAcc : kBaRjt;
  response->header.f_ctl = kExchangeResponder | kLastSequence | kEndSequence | kSequenceInitiative;
  response->exchange_to_abort = abts.exchange_to_abort;
  if (accept) {
    response->flags = wire::AbtsResponse::Terminate::of(true);
    put(response->payload, wire::BaAcc{.reserved0 = 0,
                                       .last_seq_id = 0,
                                       .seq_id_valid = 0,
                                       .rx_id = abts.header.rx_id,
                                       .ox_id = abts.header.ox_id,
                                       .high_seq_cnt = 0xffff,
                                       .low_seq_cnt = 0});
  } else {
    put(response->payload, wire::BaRjt{0, kInvalidExchangeIds, kLogicalError, 0});
  }
  control_.send(*this, cookie);
  return true;
}

void Aborts::control_answered(std::uint32_t cookie, const wire::Entry* answered) {
  if (cookie == kNobody) return;
  Pending& pending = pending_[cookie];
  if (pending.state != State::kAnswering) return;  // the adapter was reset
  if (answered != nullptr) {
    const auto& response = *reinterpret_cast<const wire::AbtsResponse*>(answered);
    wire::AbtsError error;
    std::memcpy(&error, response.payload.data(), sizeof error);
    const bool lives =
        static_cast<wire::Completion>(std::uint16_t{response.completion}) == wire::Completion::kIocbError &&
        error.subcode1 == wire::kAbtsNotTerminated;
    if (lives && !pending.again) {
      pending.again = true;
      terminate(pending.abts);
      if (answer(pending.abts, true, cookie)) return;
    }
  }
  pending.state = State::kFree;
}

// The firmware still has the exchange: it is ended by a CTIO first.
void Aborts::terminate(const wire::AbtsReceived& abts) {
  auto* const ctio = control_.prepare<wire::Ctio7Mode1>(wire::EntryType::kCtio7);
  if (ctio == nullptr) return;
  ctio->nport = abts.nport;
  ctio->vp = abts.vp;
  ctio->initiator = std::uint32_t{abts.header.s_id};
  ctio->exchange = abts.exchange_to_abort;
  ctio->ox_id = abts.header.ox_id;
  ctio->flags = static_cast<std::uint16_t>(wire::CtioFlags::Terminate::kMask | wire::CtioFlags::Mode::of(1));
  control_.send(*this, kNobody);
}

void Aborts::reset() {
  for (Pending& pending : pending_) pending.state = State::kFree;
}

}  // namespace qla
