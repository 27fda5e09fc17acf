// FCP exchanges in the target's role: command in, steps of data and response in the order they were asked for.
#include <algorithm>

#include "emu/fc/fcp.h"
#include "emu/fc/payloads.h"

namespace emu::fc {

using hal::fc::FcpRsp;
using hal::fc::FcpXferRdy;
using hal::fc::RCtl;
using Kind = FcpStep::Kind;

// --- commands

void FcpExchanges::command_frame(std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload) {
  if ((settings_.fcp_service & hal::fc::FcpService::kTarget) == 0 || payload.size() < sizeof(hal::fc::FcpCmnd)) {
    ++counters_.bad;
    return;
  }
  const Login* const login = logins_.find(vp, header.s_id);
  if (login == nullptr || login->state == LoginState::kPlogiPending) {
    ++counters_.strays;
    return support_.unknown_initiator(vp, header.s_id);
  }
  ++counters_.commands_in;
  FcpExchange* const x = allocate();
  if (x == nullptr) {
    user_.command_received({kNoExchange, vp, login, &header, payload});
    return;
  }
  x->state = State::kOpen;
  x->originator = false;
  x->vp = vp;
  x->local = header.d_id;
  x->remote = header.s_id;
  x->ox_id = header.ox_id;
  x->rx_id = x->wire_id();
  x->payload_limit = std::min(settings_.frame_size, login->receive_size);
  x->first_step = x->last_step = 0;
  if (offers_.empty() && user_.command_received({x->id(), vp, login, &header, payload})) return;
  x->state = State::kOffered;
  offers_.push_back({x->id(), header, std::vector<std::byte>(payload.begin(), payload.end())});
}

bool FcpExchanges::offer_again() {
  bool moved = false;
  while (!offers_.empty()) {
    const Offer& offer = offers_.front();
    FcpExchange* const x = live(offer.id);
    if (x != nullptr && x->state == State::kOffered) {
      const Login* const login = logins_.find(x->vp, x->remote);
      x->state = State::kOpen;  // a step may be asked for from inside
      if (login == nullptr) {
        retire(*x, false);
      } else if (!user_.command_received({offer.id, x->vp, login, &offer.header, offer.cmnd})) {
        x->state = State::kOffered;
        return moved;
      }
    }
    offers_.pop_front();
    moved = true;
  }
  return moved;
}

StepStatus FcpExchanges::step(ExchangeId id, const FcpStep& step) {
  FcpExchange* const x = live(id);
  const bool open = x != nullptr && !x->originator &&
                    (x->state == State::kOpen || (x->state == State::kAborted && step.kind == Kind::kTerminate));
  if (!open) return StepStatus::kDead;
  if (free_steps_.empty()) return StepStatus::kNoResources;
  const std::uint16_t slot = free_steps_.back();
  free_steps_.pop_back();
  steps_[slot] = step;
  const auto number = static_cast<std::uint16_t>(slot + 1);
  if (x->first_step == 0) {
    x->first_step = number;
  } else {
    steps_[x->last_step - 1u].next = number;
  }
  x->last_step = number;
  want_transmit(*x);
  return StepStatus::kTaken;
}

// --- sending

bool FcpExchanges::transmit_steps(FcpExchange& x) {
  // A termination waits for nobody.
  if (x.first_step != 0 && steps_[x.last_step - 1u].kind == Kind::kTerminate) {
    while (first(x).kind != Kind::kTerminate) end_step(x, EndReason::kAborted);
  }
  const std::uint16_t generation = x.generation;
  while (x.generation == generation && x.state != State::kConfirming && x.first_step != 0) {
    FcpStep& step = first(x);
    bool failed = false;
    switch (step.kind) {
      case Kind::kDataIn:
        if (!transmit_data_in(x, step, failed)) return false;
        if (!failed && step.confirm) return true;  // FCP_CONF ends it
        break;
      case Kind::kDataOut: {
        if (step.asked) return true;
        const FcpXferRdy ready{step.offset, step.length, {}};
        ++x.seq_id;
        const std::uint32_t f_ctl = FrameHeader::EndSequence::of(true) | FrameHeader::TransferInitiative::of(true);
        if (!send(header(x, RCtl::kFcpXferRdy, f_ctl), bytes_of(ready))) return false;
        step.asked = true;
        x.reason = EndReason::kDone;
        x.deadline = now_ + (step.limit > base::Duration::zero() ? step.limit : 2 * settings_.resource_allocation);
        return true;
      }
      case Kind::kResponse:
        if (!transmit_response(x, step, failed)) return false;
        if (!failed && step.confirm) return true;
        break;
      case Kind::kTerminate:
        if (step.wire) send_abts(x);
        break;
    }
    end_step(x, failed ? EndReason::kUserFailed : EndReason::kDone);
  }
  return true;
}

bool FcpExchanges::transmit_data_in(FcpExchange& x, FcpStep& step, bool& failed) {
  while (step.moved < step.length) {
    const std::uint32_t part = std::min<std::uint32_t>(step.length - step.moved, x.payload_limit);
    const std::uint32_t fill = (4 - part % 4) % 4;
    const auto frame = wire_.place(sizeof(FrameHeader) + part + fill);
    if (frame.empty()) return false;
    if (step.moved == 0) {
      ++x.seq_id;
      x.seq_cnt = 0;
    }
    const std::uint32_t offset = step.offset + step.moved;
    failed = !user_.fetch(x.id(), step.tag, offset, frame.subspan(sizeof(FrameHeader), part));
    if (failed) return true;
    std::uint32_t f_ctl = FrameHeader::RelativeOffset::of(true) | FrameHeader::FillBytes::of(fill);
    if (step.moved + part == step.length) f_ctl |= FrameHeader::EndSequence::of(true);
    FrameHeader data = header(x, RCtl::kFcpData, f_ctl);
    data.seq_cnt = x.seq_cnt++;
    data.parameter = offset;
    std::memcpy(frame.data(), &data, sizeof(data));
    wire_.post(frame.size());
    ++counters_.data_frames_out;
    step.moved += part;
  }
  return !step.response.wanted || transmit_response(x, step, failed);
}

bool FcpExchanges::transmit_response(FcpExchange& x, FcpStep& step, bool& failed) {
  const std::uint32_t length = step.kind == Kind::kResponse ? step.length : sizeof(FcpRsp);
  const std::uint32_t fill = (4 - length % 4) % 4;
  const auto frame = wire_.place(sizeof(FrameHeader) + length + fill);
  if (frame.empty()) return false;
  FcpRsp response;
  const auto payload = frame.subspan(sizeof(FrameHeader), length);
  if (step.kind == Kind::kResponse) {
    failed = !user_.fetch(x.id(), step.tag, 0, payload);
    if (failed) return true;
    std::memcpy(&response, payload.data(), std::min(payload.size(), sizeof(response)));
  } else {
    response.flags = step.response.flags;
    response.status = step.response.status;
    response.residual = step.response.residual;
    std::memcpy(payload.data(), &response, sizeof(response));
  }
  ++x.seq_id;
  step.confirm = (response.flags & FcpRsp::kConfirmationRequested) != 0;
  const std::uint32_t f_ctl = FrameHeader::LastSequence::of(!step.confirm) | FrameHeader::EndSequence::of(true) |
                              FrameHeader::TransferInitiative::of(step.confirm) | FrameHeader::FillBytes::of(fill);
  const FrameHeader head = header(x, RCtl::kFcpRsp, f_ctl);
  std::memcpy(frame.data(), &head, sizeof(head));
  wire_.post(frame.size());
  ++counters_.responses;
  if (step.confirm) {
    x.state = State::kConfirming;
    x.deadline = now_ + settings_.resource_allocation;
  }
  return true;
}

// --- receiving

void FcpExchanges::data_out_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload) {
  FcpStep* const step = x.state == State::kOpen && x.first_step != 0 ? &first(x) : nullptr;
  if (step == nullptr || step->kind != Kind::kDataOut || !step->asked) {
    ++counters_.strays;
    return;
  }
  const std::uint32_t offset =
      FrameHeader::RelativeOffset::get(header.f_ctl) ? std::uint32_t{header.parameter} : step->offset + step->moved;
  if (offset < step->offset || offset - step->offset > step->length ||
      payload.size() > step->length - (offset - step->offset) || payload.size() > step->length - step->moved) {
    ++counters_.bad;
    return end_step(x, EndReason::kProtocol);
  }
  ++counters_.data_frames_in;
  if (!payload.empty() && !user_.store(x.id(), step->tag, offset, payload)) return end_step(x, EndReason::kUserFailed);
  step->moved += static_cast<std::uint32_t>(payload.size());
  if (step->moved == step->length) return end_step(x, EndReason::kDone);
  if (FrameHeader::EndSequence::get(header.f_ctl)) {  // what is missing may be late
    x.reason = EndReason::kMissingData;
    x.deadline = now_ + settings_.error_detect;
  }
}

// --- ends

void FcpExchanges::release_step(FcpExchange& x) {
  const auto slot = static_cast<std::uint16_t>(x.first_step - 1);
  x.first_step = steps_[slot].next;
  if (x.first_step == 0) x.last_step = 0;
  free_steps_.push_back(slot);
}

// Of the first step. Where it was the end of the exchange, that is gone before the user hears of it.
void FcpExchanges::end_step(FcpExchange& x, EndReason reason) {
  const ExchangeId id = x.id();
  const FcpStep step = first(x);
  const std::uint32_t missing =
      step.kind == Kind::kDataIn || step.kind == Kind::kDataOut ? step.length - step.moved : 0;
  release_step(x);
  x.deadline = {};
  const bool responded = step.kind == Kind::kResponse || (step.kind == Kind::kDataIn && step.response.wanted);
  const bool sent = reason == EndReason::kDone || x.state == State::kConfirming;
  if (step.kind == Kind::kTerminate || (responded && sent)) {
    x.state = State::kAborted;
    end_steps(x, EndReason::kAborted);  // what was asked for after the end
    retire(x, step.kind != Kind::kTerminate);
  } else if (x.first_step != 0) {
    want_transmit(x);
  }
  user_.step_done(id, step.tag, {reason, missing});
}

void FcpExchanges::end_steps(FcpExchange& x, EndReason reason) {
  const std::uint16_t generation = x.generation;
  while (x.generation == generation && x.first_step != 0) {
    const FcpStep step = first(x);
    release_step(x);
    user_.step_done(x.id(), step.tag, {reason, step.length - step.moved});
  }
}

void FcpExchanges::end_exchange(FcpExchange& x, EndReason reason) {
  const bool told = x.state != State::kOffered;
  x.state = State::kAborted;  // no more steps
  end_steps(x, reason);
  const ExchangeId id = x.id();
  retire(x, reason == EndReason::kLinkDown);
  if (told) user_.exchange_ended(id, reason);
}

// --- ABTS

void FcpExchanges::abts_received(std::uint8_t vp, const FrameHeader& header) {
  ++counters_.aborts_in;
  const bool from_responder = FrameHeader::ExchangeResponder::get(header.f_ctl);
  FcpExchange* x = from_responder ? ours(header.ox_id, header.s_id, true) : nullptr;
  if (from_responder) {
    if (x != nullptr) end_command(*x, EndReason::kAbortedByPeer, {}, false);
  } else {
    x = const_cast<FcpExchange*>(find_by_wire(header.s_id, header.ox_id, header.rx_id));
    if (settings_.hold_aborts) {
      const auto slot = std::find_if(aborts_.begin(), aborts_.end(), [](const Abort& at) { return !at.used; });
      if (slot == aborts_.end()) return;  // the initiator asks again
      slot->used = true;
      slot->generation = (slot->generation + 1) & 0xffffff;
      slot->header = header;
      slot->exchange = x != nullptr && x->state != State::kOffered ? x->id() : kNoExchange;
      if (x != nullptr && x->state == State::kOffered) end_exchange(*x, EndReason::kAborted);
      if (FcpExchange* const open = live(slot->exchange)) {
        open->state = State::kAborted;
        end_steps(*open, EndReason::kAborted);
      }
      const auto index = static_cast<std::uint32_t>(slot - aborts_.begin());
      return user_.abort_received({slot->generation << 8 | index, vp, slot->exchange, &header});
    }
    if (x != nullptr) end_exchange(*x, EndReason::kAborted);
  }
  if (x != nullptr || services_.abort(header.s_id, header.ox_id)) {
    hal::fc::BaAcc accept;
    accept.ox_id = header.ox_id;
    accept.rx_id = header.rx_id;
    accept.high_seq_cnt = 0xffff;
    return services_.answer_abts(header, true, bytes_of(accept));
  }
  hal::fc::BaRjt reject;
  reject.reason = hal::fc::BaRjt::kLogicalError;
  reject.explanation = hal::fc::BaRjt::kInvalidExchange;
  services_.answer_abts(header, false, bytes_of(reject));
}

void FcpExchanges::answer_abort(std::uint32_t abort, bool accept, std::span<const std::byte> reply, bool terminate) {
  Abort& at = aborts_[(abort & 0xff) % aborts_.size()];
  if (!at.used || at.generation != abort >> 8) return;
  at.used = false;
  services_.answer_abts(at.header, accept, reply);
  FcpExchange* const x = live(at.exchange);
  if (!terminate || x == nullptr) return;
  x->doomed = any_doomed_ = true;
  x->reason = EndReason::kAborted;
}

}  // namespace emu::fc
