// Cuts requests and answers of link services into frames and puts them together again.
#include "emu/fc/services.h"

#include <algorithm>
#include <utility>

namespace emu::fc {

using hal::fc::FrameHeader;
using hal::fc::FrameType;
using hal::fc::RCtl;

namespace {

constexpr base::Duration kLongestRequest = std::chrono::seconds(60);  // that nobody answers
constexpr std::uint32_t kNoSlot = ~0u;

bool is_request(const FrameHeader& header) {
  return header.r_ctl == RCtl::kElsRequest ||
         (header.type == FrameType::kCt && header.r_ctl == RCtl::kUnsolicitedControl);
}
bool is_answer(const FrameHeader& header) {
  return header.r_ctl == RCtl::kElsReply || (header.type == FrameType::kCt && header.r_ctl == RCtl::kSolicitedControl);
}

void append(std::vector<std::byte>& to, const FrameHeader& header, std::span<const std::byte> payload) {
  const std::size_t fill = FrameHeader::FillBytes::get(header.f_ctl);
  payload = payload.first(payload.size() - std::min(fill, payload.size()));
  if (to.size() + payload.size() <= Services::kMaxSequence) to.insert(to.end(), payload.begin(), payload.end());
}

}  // namespace

// --- sending

void Services::queue(const FrameHeader& header, std::span<const std::byte> payload) {
  out_.push_back({header, std::vector<std::byte>(payload.begin(), payload.end()), 0});
}

bool Services::request(std::uint64_t context, std::uint8_t type, std::uint32_t from, std::uint32_t to,
                       std::span<const std::byte> payload, base::Time deadline) {
  const auto slot = std::find_if(requested_.begin(), requested_.end(), [](const Requested& r) { return !r.used; });
  if (slot == requested_.end()) return false;
  slot->used = true;
  slot->generation = static_cast<std::uint8_t>((slot->generation + 1) & 0x3f);
  slot->type = type;
  slot->to = to;
  slot->context = context;
  slot->deadline = deadline;
  slot->answer.clear();
  FrameHeader header;
  header.r_ctl = type == FrameType::kEls ? RCtl::kElsRequest : RCtl::kUnsolicitedControl;
  header.d_id = to;
  header.s_id = from;
  header.type = type;
  header.f_ctl = FrameHeader::FirstSequence::of(true) | FrameHeader::TransferInitiative::of(true);
  header.ox_id = static_cast<std::uint16_t>(0x8000 | slot->generation << 8 | (slot - requested_.begin()));
  header.rx_id = hal::fc::kNoExchangeId;
  queue(header, payload);
  return true;
}

bool Services::reply(std::uint32_t id, std::span<const std::byte> payload, std::optional<std::uint32_t> to) {
  Received* const request = received(id);
  if (request == nullptr) return false;
  const FrameHeader& from = request->header;
  FrameHeader header;
  header.r_ctl = from.type == FrameType::kEls ? RCtl::kElsReply : RCtl::kSolicitedControl;
  header.d_id = to.value_or(from.s_id);
  header.s_id = from.d_id;
  header.type = from.type;
  header.f_ctl = FrameHeader::ExchangeResponder::of(true) | FrameHeader::LastSequence::of(true);
  header.ox_id = from.ox_id;
  header.rx_id = static_cast<std::uint16_t>(0x8000 | (request->generation & 0x3f) << 8 | (id & 0xff));
  queue(header, payload);
  request->used = false;
  return true;
}

void Services::send_frame(const FrameHeader& header, std::span<const std::byte> payload) {
  queue(header, payload.first(std::min<std::size_t>(payload.size(), frame_size_)));
}

void Services::answer_abts(const FrameHeader& abts, bool accept, std::span<const std::byte> payload) {
  FrameHeader header;
  header.r_ctl = accept ? RCtl::kBaAcc : RCtl::kBaRjt;
  header.d_id = abts.s_id;
  header.s_id = abts.d_id;
  header.type = FrameType::kBasicLinkService;
  header.f_ctl = (abts.f_ctl ^ FrameHeader::ExchangeResponder::kMask) & FrameHeader::ExchangeResponder::kMask;
  header.f_ctl = header.f_ctl | FrameHeader::LastSequence::of(true);
  header.seq_id = abts.seq_id;
  header.ox_id = abts.ox_id;
  header.rx_id = abts.rx_id;
  send_frame(header, payload);
}

bool Services::transmit() {
  while (!out_.empty()) {
    Outgoing& next = out_.front();
    const std::size_t part = std::min<std::size_t>(next.payload.size() - next.sent, frame_size_);
    const std::size_t fill = (4 - part % 4) % 4;
    const bool last = next.sent + part == next.payload.size();
    const auto frame = wire_.place(sizeof(FrameHeader) + part + fill);
    if (frame.empty()) return true;
    FrameHeader header = next.header;
    if (!last) header.f_ctl = header.f_ctl & ~FrameHeader::TransferInitiative::kMask;
    if (last) header.f_ctl = header.f_ctl | FrameHeader::EndSequence::of(true);
    header.f_ctl = header.f_ctl | FrameHeader::FillBytes::of(static_cast<std::uint32_t>(fill));
    std::memcpy(frame.data(), &header, sizeof(header));
    if (part != 0) std::memcpy(frame.data() + sizeof(header), next.payload.data() + next.sent, part);
    std::memset(frame.data() + sizeof(header) + part, 0, fill);
    wire_.post(frame.size());
    next.sent += part;
    next.header.seq_cnt = static_cast<std::uint16_t>(next.header.seq_cnt + 1);
    if (last) out_.pop_front();
  }
  return false;
}

// --- receiving

void Services::frame_received(const FrameHeader& header, std::span<const std::byte> payload) {
  if (is_request(header)) return request_frame(header, payload);
  if (is_answer(header)) return answer_frame(header, payload);
}

void Services::request_frame(const FrameHeader& header, std::span<const std::byte> payload) {
  Received* request = header.seq_cnt == 0 ? allocate(header) : find_received(header);
  if (request == nullptr || request->complete || header.seq_cnt != request->order) return;
  ++request->order;
  append(request->payload, header, payload);
  if (!FrameHeader::EndSequence::get(header.f_ctl)) return;
  request->complete = true;
  const FrameHeader first = request->header;
  const std::vector<std::byte> whole = request->payload;
  user_.request_received(id_of(*request), first, whole);
}

void Services::answer_frame(const FrameHeader& header, std::span<const std::byte> payload) {
  const std::uint16_t ox_id = header.ox_id;
  Requested& requested = requested_[ox_id & 0xff];
  if (!requested.used || (ox_id & 0x8000) == 0 || (ox_id >> 8 & 0x3f) != requested.generation) return;
  if (header.type != requested.type || header.s_id != requested.to) return;
  append(requested.answer, header, payload);
  if (FrameHeader::EndSequence::get(header.f_ctl)) end(requested, RequestStatus::kAccepted, &header);
}

void Services::end(Requested& requested, RequestStatus status, const FrameHeader* header) {
  requested.used = false;
  const std::vector<std::byte> answer = std::exchange(requested.answer, {});
  user_.request_ended(requested.context, status, header, answer);
}

// --- slots of requests received

Services::Received* Services::find_received(const FrameHeader& header) {
  for (Received& at : received_) {
    if (at.used && at.header.s_id == header.s_id && at.header.d_id == header.d_id && at.header.ox_id == header.ox_id &&
        at.header.seq_id == header.seq_id) {
      return &at;
    }
  }
  return nullptr;
}

Services::Received* Services::allocate(const FrameHeader& header) {
  for (Received& at : received_) {
    if (at.used) continue;
    at.used = true;
    at.generation = (at.generation + 1) & 0xffffff;
    at.order = 0;
    at.header = header;
    at.since = now_;
    at.complete = false;
    at.payload.clear();
    return &at;
  }
  return nullptr;
}

std::uint32_t Services::id_of(const Received& at) const {
  return at.generation << 8 | static_cast<std::uint32_t>(&at - received_.data());
}

Services::Received* Services::received(std::uint32_t id) {
  Received& at = received_[id & 0xff];
  return id != kNoSlot && at.used && at.complete && at.generation == id >> 8 ? &at : nullptr;
}

const FrameHeader* Services::header_of(std::uint32_t id) const {
  const Received& at = received_[id & 0xff];
  return at.used && at.generation == id >> 8 ? &at.header : nullptr;
}

void Services::drop(std::uint32_t id) {
  if (Received* const at = received(id)) at->used = false;
}

bool Services::abort(std::uint32_t originator, std::uint16_t ox_id) {
  for (Received& at : received_) {
    if (!at.used || at.header.s_id != originator || at.header.ox_id != ox_id) continue;
    at.used = false;
    return true;
  }
  return false;
}

// --- time

void Services::expire(base::Time now) {
  now_ = now;
  for (Requested& at : requested_) {
    if (at.used && now >= at.deadline) end(at, RequestStatus::kTimeout, nullptr);
  }
  for (Received& at : received_) {
    if (at.used && now >= at.since + kLongestRequest) at.used = false;
  }
}

void Services::clear(bool tell) {
  out_.clear();
  for (Received& at : received_) at.used = false;
  for (Requested& at : requested_) {
    if (at.used && tell) end(at, RequestStatus::kLinkDown, nullptr);
    at.used = false;
  }
}

}  // namespace emu::fc
