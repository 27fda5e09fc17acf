// ABTS entries.
#include "emu/qla/aborts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "emu/qla/notify.h"

namespace emu::qla {

using hal::fc::RCtl;

void Aborts::received(const fc::ReceivedAbort& abort) {
  auto notice = fresh<wire::AbtsReceived>(wire::EntryType::kAbtsReceived);
  notice.nport = core_.handles.find(abort.vp, PortId{abort.header->s_id}).value_or(wire::kHandleUnknown);
  notice.vp = abort.vp;
  notice.exchange = abort.id;
  notice.header = to_little_endian(*abort.header);
  notice.exchange_to_abort = abort.exchange.raw;
  held_.push_back({abort.id, abort.exchange, *abort.header});
  if (abort.exchange != fc::kNoExchange) target_.aborted(abort.exchange);
  core_.count("ABTS received");
  core_.aborts_in_atio_queue() ? core_.notify(notice) : core_.respond(notice);
}

bool Aborts::check(const wire::AbtsResponse& response, const Held& held) {
  const auto& header = response.header;
  const char* wrong = nullptr;
  if (header.d_id != held.header.s_id || header.s_id != held.header.d_id) wrong = "addresses not exchanged";
  if (header.ox_id != held.header.ox_id || header.rx_id != held.header.rx_id) wrong = "exchange identifiers";
  if (header.r_ctl != RCtl::kBaAcc && header.r_ctl != RCtl::kBaRjt) wrong = "neither BA_ACC nor BA_RJT";
  if (wrong == nullptr) return true;
  core_.host.fault(fmt::format("ABTS response: {}", wrong));
  return false;
}

void Aborts::answered(const Request& request) {
  auto response = request.as<wire::AbtsResponse>();
  const auto held =
      std::find_if(held_.begin(), held_.end(), [&](const Held& at) { return at.id == response.exchange; });
  wire::AbtsError error{};
  response.completion = static_cast<std::uint16_t>(wire::Completion::kIocbError);
  if (held == held_.end()) {
    core_.count("ABTS responses to nothing");
    response.payload = std::bit_cast<wire::Bytes<16>>(error);
    return core_.answer(request.origin, response);
  }
  if (!check(response, *held)) return core_.refuse(request, wire::kEntryBadParameter);
  const bool accept = response.header.r_ctl == RCtl::kBaAcc;
  const bool terminate = wire::AbtsResponse::Terminate::get(response.flags);
  // An accept promises that the exchange is over: the host ends it before, or with this entry.
  if (accept && !terminate && held->exchange != fc::kNoExchange && target_.is_alive(held->exchange) &&
      !target_.is_finished(held->exchange)) {
    core_.count("ABTS responses before the end");
    error.subcode1 = wire::kAbtsNotTerminated;
    response.payload = std::bit_cast<wire::Bytes<16>>(error);
    return core_.answer(request.origin, response);
  }
  std::array<std::uint8_t, 12> reply;
  swap_words(reply, std::span(response.payload).first(12));
  const auto bytes = std::as_bytes(std::span(reply)).first(accept ? sizeof(hal::fc::BaAcc) : sizeof(hal::fc::BaRjt));
  // A termination that is under way ends the exchange by itself, and is answered as what it is.
  const bool ends = held->exchange != fc::kNoExchange && !target_.is_finished(held->exchange);
  core_.port.answer_abort(held->id, accept, bytes, ends);
  held_.erase(held);
  response.completion = static_cast<std::uint16_t>(wire::Completion::kOk);
  response.payload = {};
  core_.answer(request.origin, response);
}

}  // namespace emu::qla
