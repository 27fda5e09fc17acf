// FCP exchanges in the initiator's role: command out, data both ways, response in, abort.
#include <algorithm>

#include "emu/fc/fcp.h"
#include "emu/fc/payloads.h"

namespace emu::fc {

using hal::fc::FcpRsp;
using hal::fc::FcpXferRdy;
using hal::fc::RCtl;

std::pair<StartStatus, ExchangeId> FcpExchanges::start_command(const Command& command, std::uint32_t local,
                                                               const Login& login) {
  if (command.cmnd.size() < sizeof(hal::fc::FcpCmnd) || command.cmnd.size() > cmnds_[0].size()) {
    return {StartStatus::kInvalid, kNoExchange};
  }
  FcpExchange* const x = allocate();
  if (x == nullptr) return {StartStatus::kNoneFree, kNoExchange};
  x->state = State::kCommand;
  x->originator = x->send_command = true;
  x->vp = command.vp;
  x->local = local;
  x->remote = command.to.raw;
  x->ox_id = x->wire_id();
  x->payload_limit = std::min(settings_.frame_size, login.receive_size);
  x->tag = command.tag;
  x->reads = command.reads;
  x->writes = command.writes;
  x->data_length = command.data_length;
  if (command.limit > base::Duration::zero()) x->deadline = now_ + command.limit;
  x->cmnd_length = static_cast<std::uint16_t>(command.cmnd.size());
  std::memcpy(cmnds_[x->index].data(), command.cmnd.data(), command.cmnd.size());
  want_transmit(*x);
  ++counters_.commands_out;
  return {StartStatus::kStarted, x->id()};
}

// --- sending. False: no credit.

bool FcpExchanges::transmit_command(FcpExchange& x) {
  if (x.state != State::kCommand) return true;
  if (x.send_command) {
    const std::uint32_t f_ctl = FrameHeader::FirstSequence::of(true) | FrameHeader::EndSequence::of(true) |
                                FrameHeader::TransferInitiative::of(true);
    if (!send(header(x, RCtl::kFcpCmnd, f_ctl), std::span(cmnds_[x.index]).first(x.cmnd_length))) return false;
    x.send_command = false;
  }
  return x.burst_at == x.burst_end || transmit_burst(x);
}

bool FcpExchanges::transmit_burst(FcpExchange& x) {
  while (x.burst_at < x.burst_end) {
    const std::uint32_t part = std::min<std::uint32_t>(x.burst_end - x.burst_at, x.payload_limit);
    const std::uint32_t fill = (4 - part % 4) % 4;
    const auto frame = wire_.place(sizeof(FrameHeader) + part + fill);
    if (frame.empty()) return false;
    if (!user_.fetch(x.id(), x.tag, x.burst_at, frame.subspan(sizeof(FrameHeader), part))) {
      begin_abort(x, EndReason::kUserFailed, true);
      return true;
    }
    const bool last = x.burst_at + part == x.burst_end;
    std::uint32_t f_ctl = FrameHeader::RelativeOffset::of(true) | FrameHeader::FillBytes::of(fill);
    if (last) f_ctl |= FrameHeader::EndSequence::of(true) | FrameHeader::TransferInitiative::of(true);
    FrameHeader data = header(x, RCtl::kFcpData, f_ctl);
    data.seq_cnt = x.seq_cnt++;
    data.parameter = x.burst_at;
    std::memcpy(frame.data(), &data, sizeof(data));
    wire_.post(frame.size());
    ++counters_.data_frames_out;
    x.burst_at += part;
    x.data_out += part;
  }
  return true;
}

// --- receiving

void FcpExchanges::xfer_rdy_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload) {
  const auto ready = take<FcpXferRdy>(payload);
  if (x.state != State::kCommand) return;
  if (!ready || !x.writes || x.burst_at != x.burst_end || ready->data_offset > x.data_length ||
      ready->burst_length > x.data_length - ready->data_offset || ready->burst_length == 0) {
    ++counters_.bad;
    return begin_abort(x, EndReason::kProtocol, true);
  }
  x.rx_id = header.rx_id;
  x.burst_at = ready->data_offset;
  x.burst_end = ready->data_offset + ready->burst_length;
  x.seq_cnt = 0;
  ++x.seq_id;
  want_transmit(x);
}

void FcpExchanges::data_in_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload) {
  if (x.state != State::kCommand) return;
  const std::uint32_t offset =
      FrameHeader::RelativeOffset::get(header.f_ctl) ? std::uint32_t{header.parameter} : x.data_in;
  if (!x.reads || offset > x.data_length || payload.size() > x.data_length - offset) {
    ++counters_.bad;
    return begin_abort(x, EndReason::kProtocol, true);
  }
  x.rx_id = header.rx_id;
  ++counters_.data_frames_in;
  if (!payload.empty() && !user_.store(x.id(), x.tag, offset, payload))
    return begin_abort(x, EndReason::kUserFailed, true);
  x.data_in += static_cast<std::uint32_t>(payload.size());
}

void FcpExchanges::response_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload) {
  const auto response = take<FcpRsp>(payload);
  if (x.state != State::kCommand) return;
  if (!response) {
    ++counters_.bad;
    return begin_abort(x, EndReason::kProtocol, true);
  }
  x.rx_id = header.rx_id;
  if ((response->flags & FcpRsp::kConfirmationRequested) != 0) {
    x.seq_id = static_cast<std::uint8_t>(x.seq_id + 1);
    services_.send_frame(this->header(x, RCtl::kFcpConf, FrameHeader::LastSequence::of(true)), {});
  }
  const std::uint32_t under = (response->flags & FcpRsp::kResidualUnder) != 0 ? std::uint32_t{response->residual} : 0;
  const bool all_data = std::uint64_t{x.data_in} + x.data_out + under >= x.data_length;
  end_command(x, EndReason::kDone, payload, all_data);
}

// --- ends

bool FcpExchanges::abort(ExchangeId id, std::uint32_t tag, bool wire) {
  FcpExchange* const x = live(id);
  if (x == nullptr || !x->originator || x->tell_abort) return false;
  x->tell_abort = true;
  x->abort_tag = tag;
  if (x->state == State::kCommand) begin_abort(*x, EndReason::kAborted, wire);
  return true;
}

// The command ends when ABTS is answered. Without ABTS, or where nothing was sent yet, at the next poll().
void FcpExchanges::begin_abort(FcpExchange& x, EndReason reason, bool wire) {
  x.reason = reason;
  if (x.linked()) x.unlink();
  if (!wire || x.send_command) {
    x.doomed = any_doomed_ = true;
    return;
  }
  x.state = State::kAborting;
  ++x.abts_tries;
  ++counters_.aborts_out;
  x.deadline = now_ + 2 * settings_.resource_allocation;
  send_abts(x);
}

void FcpExchanges::end_command(FcpExchange& x, EndReason reason, std::span<const std::byte> response, bool clean,
                               AbortResult abort) {
  const ExchangeId id = x.id();
  const CommandEnd end{reason, x.ox_id, x.data_in, x.data_out, response};
  const bool tell_abort = x.tell_abort;
  const std::uint32_t tag = x.tag, abort_tag = x.abort_tag;
  retire(x, clean);
  user_.command_ended(id, tag, end);
  if (tell_abort) user_.abort_done(id, abort_tag, abort);
}

}  // namespace emu::fc
