// Loop initialisation as FC-AL-2 clause 10 has it: LISM, LIFA, LIPA, LIHA, LISA, LIRP, LILP.
#include "emu/fc/loop_port.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace emu::fc {

using hal::fc::FrameHeader;
using hal::fc::FrameType;
using hal::fc::RCtl;

namespace {

constexpr std::array<std::byte, 4> kLip = {std::byte{0xbc}, std::byte{0x95}, std::byte{0xf7}, std::byte{0xf7}};

enum Identifier : std::uint16_t {  // of the initialisation frames
  kLism = 0x1101,
  kLifa = 0x1102,
  kLipa = 0x1103,
  kLiha = 0x1104,
  kLisa = 0x1105,
  kLirp = 0x1106,
  kLilp = 0x1107,
};
constexpr std::size_t kMapSize = 16, kListSize = 128;

// The 127 values with neutral disparity, in the order of the bits of an address map (FC-AL-2 table 9).
constexpr std::array<std::uint8_t, 127> kAddresses = {
    0x00, 0x01, 0x02, 0x04, 0x08, 0x0f, 0x10, 0x17, 0x18, 0x1b, 0x1d, 0x1e, 0x1f, 0x23, 0x25, 0x26, 0x27, 0x29, 0x2a,
    0x2b, 0x2c, 0x2d, 0x2e, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x39, 0x3a, 0x3c, 0x43, 0x45, 0x46, 0x47, 0x49, 0x4a,
    0x4b, 0x4c, 0x4d, 0x4e, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x59, 0x5a, 0x5c, 0x63, 0x65, 0x66, 0x67, 0x69, 0x6a,
    0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x79, 0x7a, 0x7c, 0x80, 0x81, 0x82, 0x84, 0x88, 0x8f,
    0x90, 0x97, 0x98, 0x9b, 0x9d, 0x9e, 0x9f, 0xa3, 0xa5, 0xa6, 0xa7, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xb1, 0xb2,
    0xb3, 0xb4, 0xb5, 0xb6, 0xb9, 0xba, 0xbc, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xd1, 0xd2,
    0xd3, 0xd4, 0xd5, 0xd6, 0xd9, 0xda, 0xdc, 0xe0, 0xe1, 0xe2, 0xe4, 0xe8, 0xef};
static_assert(kAddresses[126] == 0xef);

// Bit 31 of word 0 is the L bit; AL_PA 00 follows it.
bool map_bit(std::span<const std::byte> map, std::size_t bit) {
  return (std::to_integer<unsigned>(map[bit / 8]) >> (7 - bit % 8) & 1) != 0;
}
void set_map_bit(std::span<std::byte> map, std::size_t bit) {
  map[bit / 8] |= static_cast<std::byte>(0x80u >> (bit % 8));
}
// 0: no such address.
std::size_t bit_of(std::uint8_t al_pa) {
  const auto at = std::find(kAddresses.begin(), kAddresses.end(), al_pa);
  return at == kAddresses.end() ? 0 : static_cast<std::size_t>(at - kAddresses.begin()) + 1;
}

std::uint16_t identifier_of(std::span<const std::byte> payload) {
  base::be16 identifier;
  std::memcpy(&identifier, payload.data(), sizeof(identifier));
  return identifier;
}

}  // namespace

bool LoopPort::is_initialization(const FrameHeader& header, std::span<const std::byte> payload) {
  return header.r_ctl == RCtl::kElsRequest && header.type == FrameType::kEls && header.s_id == header.d_id &&
         header.d_id <= 0xef && payload.size() >= 12 && identifier_of(payload) >= kLism &&
         identifier_of(payload) <= kLilp;
}

// --- beginning

void LoopPort::begin(base::Time now) {
  now_ = since_ = now;
  master_ = false;
  state_ = State::kLip;
  out_.clear();
  send_lip();
}

void LoopPort::stop() {
  state_ = State::kOff;
  out_.clear();
}

void LoopPort::send_lip() {
  lip_at_ = now_;
  out_.emplace_back(kLip.begin(), kLip.end());
}

bool LoopPort::ordered_set(std::span<const std::byte> set) {
  if (state_ == State::kOff || !std::equal(set.begin(), set.end(), kLip.begin(), kLip.end())) return false;
  const bool began = state_ == State::kLip;
  const bool stale = initializing() && now_ < since_ + kLipAgain;  // of the initialisation that is under way
  if (!began && stale) return false;
  if (!began) {
    out_.clear();
    send_lip();  // the successor learns of it
  }
  select();
  return !began;
}

void LoopPort::select() {
  state_ = State::kSelect;
  since_ = now_;
  master_ = false;
  const base::be64 name = name_.raw;
  send(kLism, std::as_bytes(std::span(&name, 1)));
}

bool LoopPort::poll(base::Time now) {
  now_ = now;
  if (state_ == State::kLip && now >= lip_at_ + kLipAgain) send_lip();
  if ((state_ == State::kSelect || state_ == State::kAddress) && now >= since_ + kRetry) begin(now);
  bool moved = false;
  while (!out_.empty() && wire_.send(out_.front())) {
    out_.pop_front();
    moved = true;
  }
  return moved;
}

void LoopPort::pass_on(std::span<const std::byte> frame) { out_.emplace_back(frame.begin(), frame.end()); }

void LoopPort::send(std::uint16_t identifier, std::span<const std::byte> body) {
  FrameHeader header;
  header.r_ctl = RCtl::kElsRequest;
  header.d_id = header.s_id = 0xef;
  header.type = FrameType::kEls;
  header.f_ctl = FrameHeader::FirstSequence::of(true) | FrameHeader::EndSequence::of(true);
  header.ox_id = header.rx_id = hal::fc::kNoExchangeId;
  const base::be16 begins[2] = {identifier, static_cast<std::uint16_t>(identifier == kLisa ? 0x0100 : 0)};
  std::vector<std::byte>& frame = out_.emplace_back(sizeof(header) + sizeof(begins) + body.size());
  std::memcpy(frame.data(), &header, sizeof(header));
  std::memcpy(frame.data() + sizeof(header), begins, sizeof(begins));
  std::memcpy(frame.data() + sizeof(header) + sizeof(begins), body.data(), body.size());
}

// --- frames

void LoopPort::initialization_frame(std::span<const std::byte> frame) {
  if (state_ != State::kSelect && state_ != State::kAddress) return;
  const std::uint16_t identifier = identifier_of(frame.subspan(sizeof(FrameHeader)));
  const auto body = frame.subspan(sizeof(FrameHeader) + 4);
  const bool is_map = identifier >= kLifa && identifier <= kLisa;
  if (body.size() < (identifier == kLism ? 8 : is_map ? kMapSize : kListSize)) return;
  if (identifier == kLism) return select_frame(frame, body);
  if (master_) return master_frame(identifier, body);
  if (state_ == State::kSelect) {  // a master was found
    state_ = State::kAddress;
    previous_ = al_pa_;
    al_pa_ = 0;
  }
  std::vector<std::byte>& passed = out_.emplace_back(frame.begin(), frame.end());
  const auto changed = std::span(passed).subspan(sizeof(FrameHeader) + 4);
  if (is_map) take_address(identifier, changed);
  if (identifier == kLirp) take_position(changed);
  if (identifier != kLilp) return;
  learn_positions(body);
  state_ = State::kReady;
}

void LoopPort::select_frame(std::span<const std::byte> frame, std::span<const std::byte> body) {
  if (state_ != State::kSelect || master_) return;
  base::be64 name;
  std::memcpy(&name, body.data(), sizeof(name));
  const std::uint64_t own = name_.raw;
  if (name < own) return pass_on(frame);
  if (name > own) return send(kLism, std::as_bytes(std::span(&(name = own), 1)));
  master_ = true;
  state_ = State::kAddress;
  previous_ = al_pa_;
  al_pa_ = 0;
  std::array<std::byte, kMapSize> map{};
  take_address(kLifa, map);
  send(kLifa, map);
}

// The master's own frame came round: the next one goes.
void LoopPort::master_frame(std::uint16_t identifier, std::span<const std::byte> body) {
  const auto next = static_cast<std::uint16_t>(identifier + 1);
  if (identifier < kLisa) {
    std::vector<std::byte> map(body.begin(), body.begin() + kMapSize);
    take_address(next, map);
    return send(next, map);
  }
  if (identifier == kLilp) {
    learn_positions(body);
    state_ = State::kReady;
    return;
  }
  std::vector<std::byte> list(kListSize, std::byte{0xff});
  if (identifier == kLirp) {
    std::copy(body.begin(), body.begin() + kListSize, list.begin());
    return send(kLilp, list);
  }
  list[0] = std::byte{0};
  take_position(list);
  send(kLirp, list);
}

void LoopPort::take_address(std::uint16_t identifier, std::span<std::byte> map) {
  if (al_pa_ != 0) return;
  if (identifier == kLisa) {  // any; the highest priority is the smallest value, and 00 is an FL_Port's
    for (std::size_t bit = 2; bit <= kAddresses.size(); ++bit) {
      if (map_bit(map, bit)) continue;
      set_map_bit(map, bit);
      al_pa_ = kAddresses[bit - 1];
      return;
    }
    return;
  }
  const std::uint8_t wanted = identifier == kLipa ? previous_ : identifier == kLiha ? hard_address_ : std::uint8_t{0};
  const std::size_t bit = bit_of(wanted);
  if (wanted == 0 || bit == 0 || map_bit(map, bit)) return;
  set_map_bit(map, bit);
  al_pa_ = wanted;
}

void LoopPort::take_position(std::span<std::byte> list) {
  const std::size_t count = std::to_integer<std::size_t>(list[0]);
  if (count + 1 >= kListSize) return;
  list[0] = static_cast<std::byte>(count + 1);
  list[count + 1] = std::byte{al_pa_};
}

void LoopPort::learn_positions(std::span<const std::byte> list) {
  const std::size_t count = std::min(std::to_integer<std::size_t>(list[0]), kListSize - 1);
  positions_.clear();
  for (std::size_t i = 1; i <= count; ++i) positions_.push_back(std::to_integer<std::uint8_t>(list[i]));
}

}  // namespace emu::fc
