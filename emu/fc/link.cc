// Moves frames from one end of a link to the other through rings; what makes faults is off the straight path.
#include "emu/fc/link.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace emu::fc {

using hal::fc::FrameHeader;

namespace {

constexpr std::size_t kMaxFrame = hal::fc::kFrameHeaderSize + hal::fc::kMaxFramePayload;
constexpr base::Duration kLongestHold = std::chrono::milliseconds(20);

FrameHeader header_of(std::span<const std::byte> frame) {
  FrameHeader header;
  std::memcpy(&header, frame.data(), std::min(sizeof(header), frame.size()));
  return header;
}

// Names the sequence that a frame belongs to.
std::uint64_t sequence_key(const FrameHeader& header) {
  return std::uint64_t{header.s_id} << 40 ^ std::uint64_t{header.d_id} << 24 ^ std::uint64_t{header.ox_id} << 8 ^
         header.seq_id ^ std::uint64_t{header.rx_id} << 20;
}

}  // namespace

Link::Link(const LinkOptions& options) : options_(options), random_(options.seed) {
  for (unsigned i = 0; i < 2; ++i) {
    ends_[i].link_ = this;
    ends_[i].other_ = &ends_[1 - i];
    ends_[i].slots_.resize(std::bit_ceil(std::max<std::uint32_t>(options.credit, 2)));
    ends_[i].number_ = i;
  }
}

// --- straight path

std::span<std::byte> Link::End::place(std::size_t size) {
  if (!link_->up_ || full() || size > kMaxFrame) return {};
  return std::span(slot(tail_).bytes).first(size);
}

void Link::End::post(std::size_t size) {
  Slot& to = slot(tail_);
  if (!link_->up_ || full() || size > kMaxFrame) return;
  ++posted_;
  if (link_->faulty()) return link_->send_faulty(*this, std::span(to.bytes).first(size));
  if (link_->capture_ != nullptr && size >= sizeof(FrameHeader)) {
    link_->capture_->frame(interface_, link_->now_, std::span(to.bytes).first(size));
  }
  to.size = static_cast<std::uint32_t>(size);
  to.ready = {};
  ++tail_;
}

std::optional<std::span<const std::byte>> Link::End::receive() {
  if (std::exchange(taken_, false)) ++other_->head_;
  if (other_->head_ == other_->tail_) return std::nullopt;
  const Slot& from = other_->slot(other_->head_);
  if (from.ready > link_->now_) return std::nullopt;
  taken_ = true;
  return std::span(from.bytes).first(from.size);
}

// --- light

void Link::End::light(bool on) {
  lit_ = on;
  link_->update();
}

void Link::End::clear() {
  link_->lost_ += tail_ - head_;
  head_ = tail_ = 0;
  held_.clear();
  taken_ = false;
}

void Link::update() {
  const bool up = ends_[0].lit_ && ends_[1].lit_ && !cut_ && now_ >= dark_until_;
  if (up_ && !up) {
    for (End& end : ends_) end.clear();
  }
  up_ = up;
}

void Link::cut(bool out) {
  cut_ = out;
  update();
}

void Link::bounce(base::Duration dark) {
  dark_until_ = std::max(dark_until_, now_ + dark);
  update();
}

bool Link::poll(base::Time now) {
  const bool was_up = up_;
  now_ = now;
  update();
  bool moved = was_up != up_;
  for (End& end : ends_) moved |= !end.held_.empty() && release(end);
  return moved;
}

// --- faults

void Link::set_faults(const LinkFaults& faults) {
  faults_ = faults;
  seeded_ = (faults.drop | faults.delay | faults.reorder | faults.bounce) != 0;
}

void Link::set_judge(Judge judge) { judge_ = std::move(judge); }

void Link::set_capture(Capture* capture) {
  capture_ = capture;
  if (capture == nullptr) return;
  for (End& end : ends_) end.interface_ = capture->add_interface(options_.name + (end.number_ == 0 ? ".0" : ".1"));
}

Fate Link::judge(const End& from, std::span<const std::byte> frame) {
  if (judge_) {
    if (frame.size() < sizeof(FrameHeader)) return Fate::kPass;
    return judge_(from.number_, header_of(frame), frame.subspan(sizeof(FrameHeader)));
  }
  std::uint64_t draw = random_.below(1'000'000);
  for (const auto& [chance, fate] :
       {std::pair(faults_.drop, Fate::kDrop), std::pair(faults_.delay, Fate::kDelay),
        std::pair(faults_.reorder, Fate::kReorder), std::pair(faults_.bounce, Fate::kBounce)}) {
    if (draw < chance) return fate;
    draw -= chance;
  }
  return Fate::kPass;
}

void Link::send_faulty(End& from, std::span<const std::byte> frame) {
  const Fate fate = judge(from, frame);
  if (capture_ != nullptr && frame.size() >= sizeof(FrameHeader)) {
    static constexpr std::array<const char*, 5> kComments = {"", "lost", "late", "out of order", "link went dark"};
    capture_->frame(from.interface_, now_, frame, kComments[static_cast<std::size_t>(fate)]);
  }
  if (fate == Fate::kBounce) return bounce(faults_.dark);
  if (fate == Fate::kDrop) {
    ++lost_;
    return;
  }
  if (frame.size() >= sizeof(FrameHeader) && hold(from, frame, fate)) return;
  Slot& to = from.slot(from.tail_);
  to.size = static_cast<std::uint32_t>(frame.size());
  to.ready = {};
  if (fate == Fate::kDelay) {
    const auto longest = static_cast<std::uint64_t>(faults_.longest_delay.count());
    to.ready = now_ + base::Duration(static_cast<base::Duration::rep>(random_.below(longest)));
  }
  ++from.tail_;
}

// Puts the frame aside if its sequence is to be late, or is already.
bool Link::hold(End& from, std::span<const std::byte> frame, Fate fate) {
  const FrameHeader header = header_of(frame);
  const std::uint64_t key = sequence_key(header);
  const bool ends = FrameHeader::EndSequence::get(header.f_ctl);
  for (Held& held : from.held_) {
    if (held.key != key || held.complete) {
      held.others += ends ? 1 : 0;
      continue;
    }
    held.frames.emplace_back(frame.begin(), frame.end());
    held.complete = ends;
    return true;
  }
  if (fate != Fate::kReorder || header.seq_cnt != 0) return false;
  Held& held = from.held_.emplace_back();
  held.key = key;
  held.complete = ends;
  held.until = now_ + kLongestHold;
  held.frames.emplace_back(frame.begin(), frame.end());
  return true;
}

bool Link::release(End& from) {
  bool moved = false;
  for (auto held = from.held_.begin(); held != from.held_.end();) {
    if (now_ < held->until && !(held->complete && held->others > 1)) {
      ++held;
      continue;
    }
    for (auto frame = held->frames.begin(); frame != held->frames.end() && !from.full();) {
      Slot& to = from.slot(from.tail_++);
      to.ready = {};
      to.size = static_cast<std::uint32_t>(frame->size());
      std::copy(frame->begin(), frame->end(), to.bytes.begin());
      frame = held->frames.erase(frame);
      moved = true;
    }
    if (!held->frames.empty()) break;  // no credit
    held = from.held_.erase(held);
  }
  return moved;
}

}  // namespace emu::fc
