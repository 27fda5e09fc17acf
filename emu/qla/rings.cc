// Ring arithmetic, copying of entries, and what a host may not do to a ring.
#include "emu/qla/rings.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace emu::qla {

namespace {
bool write_shadow(ModelHost& host, std::uint64_t base, std::uint32_t length, std::uint32_t index) {
  return write_host(host, base + std::uint64_t{length} * wire::kEntryBytes, base::le32(index));
}
}  // namespace

void RequestQueue::configure(const RingPlace& place) {
  reset();
  base_ = place.base;
  length_ = place.length;
  in_ = out_ = length_ == 0 ? 0 : place.index % length_;
  shadow_ = place.shadow && length_ != 0;
}

void RequestQueue::reset() {
  base_ = 0;
  length_ = in_ = out_ = 0;
  shadow_ = false;
  staged_.clear();
  given_ = 0;
}

void RequestQueue::set_out(std::uint32_t out) {
  if (configured()) return host_.fault(fmt::format("{}: the out index is the firmware's while it runs", name_));
  out_ = out;
}

void RequestQueue::doorbell(std::uint32_t in) {
  if (!configured()) {
    in_ = in;  // zeroed before initialisation
    return;
  }
  if (in >= length_) return host_.fault(fmt::format("{}: doorbell {} beyond the ring of {}", name_, in, length_));
  const std::uint32_t added = (in + length_ - in_) % length_;
  if (added > length_ - 1 - posted())
    host_.fault(fmt::format("{}: overrun: {} entries added to {} posted of {}", name_, added, posted(), length_));
  in_ = in;
}

bool RequestQueue::stage(std::uint32_t wanted) {
  const std::uint32_t before = out_;
  const bool read = copy(wanted);
  return (!shadow_ || out_ == before || write_shadow(host_, base_, length_, out_)) && read;
}

// Copies entries out until `wanted` are staged and not given, as far as they are posted.
bool RequestQueue::copy(std::uint32_t wanted) {
  staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(given_));
  given_ = 0;
  while (staged_.size() < wanted && posted() > 0) {
    const std::uint32_t batch = std::min({posted(), length_ - out_, kStage});
    const std::size_t at = staged_.size();
    staged_.resize(at + batch);
    const auto to = std::as_writable_bytes(std::span(staged_).subspan(at));
    const bool read = host_.dma_read({base_ + std::uint64_t{out_} * wire::kEntryBytes}, to).has_value();
    out_ = (out_ + batch) % length_;
    if (!read) {
      staged_.resize(at);
      return false;
    }
  }
  return true;
}

std::span<wire::Entry> RequestQueue::next(bool& failed) {
  failed = miscounted_ = false;
  if (!configured()) return {};
  if (given_ == staged_.size()) {
    if (posted() == 0) return {};
    if (!stage(1)) {
      failed = true;
      return {};
    }
  }
  std::uint32_t count = staged_[given_].head.count;
  if (staged_.size() - given_ < count && !stage(count)) {
    failed = true;
    return {};
  }
  if (count == 0 || count > staged_.size() - given_) {
    host_.fault(fmt::format("{}: entry of type {:02x} says {} entries, {} are posted", name_, staged_[given_].head.type,
                            count, staged_.size() - given_));
    miscounted_ = true;
    count = 1;
  }
  const auto request = std::span(staged_).subspan(given_, count);
  given_ += count;
  return request;
}

void EntryQueue::configure(const RingPlace& place) {
  reset();
  base_ = place.base;
  length_ = place.length;
  in_ = out_ = length_ == 0 ? 0 : place.index % length_;
  shadow_ = place.shadow && length_ != 0;
}

void EntryQueue::reset() {
  base_ = 0;
  length_ = in_ = out_ = 0;
  shadow_ = false;
  news_ = false;
  waiting_.clear();
}

void EntryQueue::set_in(std::uint32_t in) {
  if (configured()) return host_.fault(fmt::format("{}: the in index is the firmware's while it runs", name_));
  in_ = in;
}

void EntryQueue::host_took(std::uint32_t out) {
  if (!configured()) {
    out_ = out;
    return;
  }
  if (out >= length_) return host_.fault(fmt::format("{}: out index {} beyond the ring of {}", name_, out, length_));
  const std::uint32_t filled = (in_ + length_ - out_) % length_, taken = (out + length_ - out_) % length_;
  if (taken > filled) return host_.fault(fmt::format("{}: {} entries taken of {}", name_, taken, filled));
  out_ = out;
}

// All but the last dword first: hosts know a new entry by it.
bool EntryQueue::write(const wire::Entry& entry) {
  const hal::Iova to{base_ + std::uint64_t{in_} * wire::kEntryBytes};
  const auto bytes = std::as_bytes(std::span(&entry, 1));
  constexpr std::size_t kLast = wire::kEntryBytes - 4;
  bool written = host_.dma_write(to, bytes.first(kLast)).has_value();
  std::atomic_thread_fence(std::memory_order_release);
  written = written && host_.dma_write({to.raw + kLast}, bytes.last(4)).has_value();
  std::atomic_thread_fence(std::memory_order_release);
  in_ = (in_ + 1) % length_;
  news_ = true;
  return written && (!shadow_ || write_shadow(host_, base_, length_, in_));
}

bool EntryQueue::push(const wire::Entry& entry) {
  if (!configured()) return false;
  if (room(1)) return write(entry);
  waiting_.push_back(entry);
  return true;
}

bool EntryQueue::push(std::span<const wire::Entry> entries) {
  bool written = true;
  for (const wire::Entry& entry : entries) written = push(entry) && written;
  return written;
}

bool EntryQueue::poll() {
  bool any = false;
  while (!waiting_.empty() && free() > 0) {
    write(waiting_.front());
    waiting_.pop_front();
    any = true;
  }
  return any;
}

}  // namespace emu::qla
