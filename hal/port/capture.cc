// The ring of a capture, and how PDUs are put into it.
#include "hal/port/capture.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.h"
#include "hal/port/address_text.h"

namespace hal {

bool CaptureFilter::matches(const std::string& local_address, const std::string& peer_address) const {
  const std::string_view host = host_of(local);
  const bool everywhere = host == "0.0.0.0" || host == "[::]";
  const bool here = local.empty() || local == local_address || (everywhere && port_of(local) == port_of(local_address));
  const bool one = peers.empty() || std::find(peers.begin(), peers.end(), peer_address) != peers.end();
  return here && one && (peer_host.empty() || peer_host == host_of(peer_address));
}

CaptureRing::CaptureRing(std::size_t bytes, std::uint64_t number, const CaptureFilter& filter)
    : size_((bytes + 7) & ~std::size_t{7}), number_(number), filter_(filter), memory_(new std::byte[size_]) {
  CHECK(size_ >= 2 * whole(CaptureStream::kMaxPiece));
}

std::byte* CaptureRing::reserve(std::size_t size) {
  const std::size_t needed = whole(size);
  const std::uint64_t position = written_.load(std::memory_order_relaxed);
  const std::size_t room = size_ - static_cast<std::size_t>(position - read_.load(std::memory_order_acquire));
  const std::size_t to_end = size_ - static_cast<std::size_t>(position % size_);
  const std::size_t skipped = needed > to_end ? to_end : 0;
  if (skipped + needed > room) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  if (skipped != 0) new (at(position)) Length(0);
  reserved_ = position + skipped;
  return at(reserved_) + sizeof(Length) + sizeof(CaptureRecord);
}

void CaptureRing::commit(const CaptureRecord& record) {
  const Length length = whole(record.size);
  new (at(reserved_)) Length(length);
  new (at(reserved_) + sizeof(Length)) CaptureRecord(record);
  written_.store(reserved_ + length, std::memory_order_release);
}

void CaptureRing::add(const CaptureRecord& record, std::span<const std::byte> body) {
  std::byte* const room = reserve(body.size());
  if (room == nullptr) return;
  std::copy(body.begin(), body.end(), room);
  commit(record);
}

const CaptureRecord* CaptureRing::front() {
  std::uint64_t position = read_.load(std::memory_order_relaxed);
  if (position == written_.load(std::memory_order_acquire)) return nullptr;
  if (*reinterpret_cast<const Length*>(at(position)) == 0) {
    position += size_ - position % size_;
    read_.store(position, std::memory_order_release);
  }
  return reinterpret_cast<const CaptureRecord*>(at(position) + sizeof(Length));
}

void CaptureRing::pop() {
  const std::uint64_t position = read_.load(std::memory_order_relaxed);
  read_.store(position + *reinterpret_cast<const Length*>(at(position)), std::memory_order_release);
}

void CaptureStream::add(std::span<const std::byte> bytes, base::Time when) {
  while (!bytes.empty()) {
    if (room_ == nullptr && !lost_) {
      room_size_ = std::min({left_, kMaxPiece, snap_ - kept_});
      room_ = ring_.reserve(room_size_);
      lost_ = room_ == nullptr;
    }
    const bool skips = !lost_ && have_ == room_size_;
    const std::uint32_t most = lost_ ? left_ : skips ? kMaxPiece - have_ - skipped_ : room_size_ - have_;
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), most));
    if (lost_) {
      offset_ += part;
    } else if (skips) {
      skipped_ += part;
    } else {
      std::memcpy(room_ + have_, bytes.data(), part);
      have_ += part;
      kept_ += part;
    }
    left_ -= part;
    bytes = bytes.subspan(part);
    if (left_ == 0 || have_ + skipped_ == kMaxPiece || (have_ == room_size_ && kept_ < snap_)) cut(when);
  }
}

void CaptureStream::cut(base::Time when) {
  if (room_ == nullptr) return;
  ring_.commit({when, offset_, connection_, have_, event_, skipped_});
  offset_ += have_ + skipped_;
  room_ = nullptr;
  have_ = room_size_ = skipped_ = 0;
}

}  // namespace hal
