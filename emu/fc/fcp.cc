// What both roles of FCP exchanges share: allocation, dispatch of frames, ends, time.
#include "emu/fc/fcp.h"

#include <algorithm>

namespace emu::fc {

using hal::fc::FrameType;
using hal::fc::RCtl;

namespace {
constexpr base::Duration kScanEvery = std::chrono::milliseconds(10);
constexpr std::uint32_t kMaxExchanges = 4096;
}  // namespace

FcpExchanges::FcpExchanges(Wire& wire, const NPortSettings& settings, NPortUser& user, Services& services,
                           Logins& logins, FcpSupport& support)
    : wire_(wire), settings_(settings), user_(user), services_(services), logins_(logins), support_(support) {
  resize();
}

FcpExchanges::~FcpExchanges() { clear(); }

void FcpExchanges::resize() {
  const std::uint32_t count = std::clamp<std::uint32_t>(settings_.exchanges, 1, kMaxExchanges);
  if (exchanges_.size() == count) return;
  memory_ = std::make_unique<FcpExchange[]>(count);
  exchanges_ = std::span(memory_.get(), count);
  free_.clear();
  free_steps_.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    exchanges_[i].index = static_cast<std::uint16_t>(i);
    free_.push_back(static_cast<std::uint16_t>(count - 1 - i));
  }
  cmnds_.resize(count);
  steps_.resize(std::size_t{count} * 2 + 64);
  for (std::size_t i = steps_.size(); i-- > 0;) free_steps_.push_back(static_cast<std::uint16_t>(i));
}

void FcpExchanges::clear() {
  offers_.clear();
  for (Abort& abort : aborts_) abort.used = false;
  for (FcpExchange& x : exchanges_) {
    while (x.first_step != 0) release_step(x);
    if (x.state != State::kFree) retire(x, true);
  }
  any_doomed_ = false;
}

// --- allocation

FcpExchange* FcpExchanges::allocate() {
  if (free_.empty()) {
    ++counters_.no_exchange;
    return nullptr;
  }
  FcpExchange& x = exchanges_[free_.back()];
  free_.pop_back();
  x.generation = static_cast<std::uint16_t>(x.generation + 1);
  if (x.id() == kNoExchange) x.generation = 1;
  x.doomed = x.send_command = x.tell_abort = x.rrq = false;
  x.seq_id = x.abts_tries = 0;
  x.seq_cnt = 0;
  x.deadline = {};
  x.data_in = x.data_out = x.burst_at = x.burst_end = 0;
  x.rx_id = hal::fc::kNoExchangeId;
  x.birth = ++births_;
  return &x;
}

// `clean`: nothing of it can be under way, so that it may be used again at once.
void FcpExchanges::retire(FcpExchange& x, bool clean) {
  if (x.linked()) x.unlink();
  x.doomed = false;
  if (clean) {
    x.state = State::kFree;
    free_.push_back(x.index);
    return;
  }
  ++counters_.resting;
  x.state = State::kResting;
  x.deadline = now_ + settings_.resource_allocation;
}

FcpExchange* FcpExchanges::live(ExchangeId id) {
  if (id.index() >= exchanges_.size()) return nullptr;
  FcpExchange& x = exchanges_[id.index()];
  return x.id() == id && x.state != State::kFree && x.state != State::kResting && !x.doomed ? &x : nullptr;
}

const FcpExchange* FcpExchanges::find(ExchangeId id) const { return const_cast<FcpExchanges*>(this)->live(id); }

const FcpExchange* FcpExchanges::find_by_wire(std::uint32_t remote, std::uint16_t ox_id, std::uint16_t rx_id) const {
  const FcpExchange* best = nullptr;
  for (const FcpExchange& x : exchanges_) {
    const bool in_use = x.state == State::kOpen || x.state == State::kOffered || x.state == State::kConfirming ||
                        x.state == State::kAborted;
    if (x.originator || !in_use || x.doomed || x.remote != remote || x.ox_id != ox_id) continue;
    if (rx_id != hal::fc::kNoExchangeId && rx_id != x.wire_id()) continue;
    if (best == nullptr || x.birth > best->birth) best = &x;
  }
  return best;
}

// The exchange that a frame of `remote` is of, by our identifier.
FcpExchange* FcpExchanges::ours(std::uint16_t wire_id, std::uint32_t remote, bool originator) {
  const std::uint16_t index = wire_id & 0xfff;
  if ((wire_id & 0x8000) != 0 || index >= exchanges_.size()) return nullptr;
  FcpExchange& x = exchanges_[index];
  if (x.wire_id() != wire_id || x.originator != originator || x.remote != remote || x.doomed) return nullptr;
  return x.state != State::kFree && x.state != State::kResting ? &x : nullptr;
}

// --- frames

FrameHeader FcpExchanges::header(const FcpExchange& x, std::uint8_t r_ctl, std::uint32_t f_ctl) const {
  FrameHeader header;
  header.r_ctl = r_ctl;
  header.d_id = x.remote;
  header.s_id = x.local;
  header.type = FrameType::kFcp;
  header.f_ctl = f_ctl | FrameHeader::ExchangeResponder::of(!x.originator);
  header.seq_id = x.seq_id;
  header.ox_id = x.ox_id;
  header.rx_id = x.rx_id;
  return header;
}

bool FcpExchanges::send(const FrameHeader& header, std::span<const std::byte> payload) {
  const std::size_t fill = (4 - payload.size() % 4) % 4;
  const auto frame = wire_.place(sizeof(header) + payload.size() + fill);
  if (frame.empty()) return false;
  FrameHeader whole = header;
  whole.f_ctl = whole.f_ctl | FrameHeader::FillBytes::of(static_cast<std::uint32_t>(fill));
  std::memcpy(frame.data(), &whole, sizeof(whole));
  std::memcpy(frame.data() + sizeof(whole), payload.data(), payload.size());
  std::memset(frame.data() + sizeof(whole) + payload.size(), 0, fill);
  wire_.post(frame.size());
  return true;
}

void FcpExchanges::send_abts(const FcpExchange& x) {
  FrameHeader abts = header(x, RCtl::kAbts, FrameHeader::EndSequence::of(true));
  abts.f_ctl = abts.f_ctl | FrameHeader::TransferInitiative::of(true);
  abts.type = FrameType::kBasicLinkService;
  abts.seq_id = static_cast<std::uint8_t>(x.seq_id + 1);
  services_.send_frame(abts, {});
}

void FcpExchanges::frame_received(std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload) {
  const std::size_t fill = FrameHeader::FillBytes::get(header.f_ctl);
  payload = payload.first(payload.size() - std::min(fill, payload.size()));
  const bool from_responder = FrameHeader::ExchangeResponder::get(header.f_ctl);
  if (header.r_ctl == RCtl::kFcpCmnd && !from_responder) return command_frame(vp, header, payload);
  FcpExchange* const x = ours(from_responder ? header.ox_id : header.rx_id, header.s_id, from_responder);
  if (x == nullptr) {
    ++counters_.strays;
    return;
  }
  switch (header.r_ctl) {
    case RCtl::kFcpData:
      return from_responder ? data_in_frame(*x, header, payload) : data_out_frame(*x, header, payload);
    case RCtl::kFcpXferRdy:
      if (from_responder) return xfer_rdy_frame(*x, header, payload);
      break;
    case RCtl::kFcpRsp:
      if (from_responder) return response_frame(*x, header, payload);
      break;
    case RCtl::kFcpConf:
      if (!from_responder && x->state == State::kConfirming) return end_step(*x, EndReason::kDone);
      break;
    default:
      break;
  }
  ++counters_.bad;
}

void FcpExchanges::want_transmit(FcpExchange& x) {
  if (!x.linked()) sending_.push_back(x);
}

bool FcpExchanges::transmit() {
  while (FcpExchange* const x = sending_.pop_front()) {
    if (x->originator ? transmit_command(*x) : transmit_steps(*x)) continue;
    if (!x->linked()) sending_.push_front(*x);
    return true;
  }
  return false;
}

// --- ends and time

bool FcpExchanges::poll(base::Time now) {
  now_ = now;
  bury();
  const bool moved = !offers_.empty() && offer_again();
  if (now < next_scan_) return moved;
  next_scan_ = now + kScanEvery;
  for (FcpExchange& x : exchanges_) {
    if (x.state != State::kFree && x.deadline != base::Time{} && now >= x.deadline) expire(x);
  }
  return moved;
}

void FcpExchanges::bury() {
  while (any_doomed_) {
    any_doomed_ = false;
    for (FcpExchange& x : exchanges_) {
      if (x.doomed) end_doomed(x);
    }
  }
}

void FcpExchanges::end_doomed(FcpExchange& x) {
  x.doomed = false;
  const bool clean = x.reason == EndReason::kLinkDown;
  if (x.state == State::kResting) {
    if (clean) retire(x, true);
  } else if (x.originator) {
    end_command(x, x.reason, {}, clean);
  } else {
    end_exchange(x, x.reason);
  }
}

void FcpExchanges::expire(FcpExchange& x) {
  x.deadline = {};
  switch (x.state) {
    case State::kResting:
      if (x.rrq) support_.recover_qualifier(x);
      return retire(x, true);
    case State::kCommand:
      return begin_abort(x, EndReason::kTimeout, true);
    case State::kAborting:
      if (x.abts_tries < 2) return begin_abort(x, x.reason, true);
      return end_command(x, x.reason, {}, false, AbortResult::kTimeout);
    case State::kConfirming:  // the initiator has the response, or will ask: FCP-4 leaves it at that
      return end_step(x, EndReason::kTimeout);
    case State::kOpen:
      if (x.first_step == 0 || first(x).kind != FcpStep::Kind::kDataOut) return;
      return end_step(x, x.reason == EndReason::kMissingData ? EndReason::kMissingData : EndReason::kTimeout);
    default:
      return;
  }
}

void FcpExchanges::abts_answered(const FrameHeader& header, bool accepted) {
  const bool from_responder = FrameHeader::ExchangeResponder::get(header.f_ctl);
  FcpExchange* const x = from_responder ? ours(header.ox_id, header.s_id, true) : nullptr;
  if (x == nullptr || x->state != State::kAborting) {
    ++counters_.strays;
    return;
  }
  x->rrq = accepted && settings_.send_rrq;
  end_command(*x, x->reason, {}, false, accepted ? AbortResult::kAccepted : AbortResult::kRejected);
}

}  // namespace emu::fc
