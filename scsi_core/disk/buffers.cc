// Walks segments piece by piece; the pieces of two runs need not meet.
#include "scsi_core/disk/buffers.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/check.h"
#include "scsi_core/backstores/segments.h"

namespace scsi::disk {
namespace {

// The bytes from `at` to the end of the segment that holds them, at most `length`.
std::span<std::byte> piece(const Command& c, std::uint64_t at, std::uint64_t length) {
  for (std::size_t i = 0; i < c.core.segment_count; ++i) {
    const auto& bytes = c.core.segments[i].bytes;
    if (at < bytes.size()) return bytes.subspan(at, std::min<std::uint64_t>(length, bytes.size() - at));
    at -= bytes.size();
  }
  CHECK(false);  // outside the segments
  return {};
}

// Calls fn(left piece, right piece, offset) for pieces of equal size until it returns false.
template <class Fn>
void for_pieces(const Command& c, std::uint64_t left, std::uint64_t right, std::uint64_t length, Fn&& fn) {
  for (std::uint64_t done = 0; done < length;) {
    const auto a = piece(c, left + done, length - done);
    const auto b = piece(c, right + done, a.size());
    if (!fn(a.first(b.size()), b, done)) return;
    done += b.size();
  }
}

}  // namespace

void copy(const Command& c, std::uint64_t to, std::uint64_t from, std::uint64_t length) {
  for_pieces(c, to, from, length, [](std::span<std::byte> a, std::span<std::byte> b, std::uint64_t) {
    std::memcpy(a.data(), b.data(), a.size());
    return true;
  });
}

void invert(const Command& c, std::uint64_t at, std::uint64_t length) {
  for_each_part(segments(c), at, length, [](std::span<std::byte> bytes) {
    for (std::byte& byte : bytes) byte = ~byte;
  });
}

std::uint64_t first_difference(const Command& c, std::uint64_t left, std::uint64_t right, std::uint64_t length) {
  std::uint64_t found = length;
  for_pieces(c, left, right, length, [&](std::span<std::byte> a, std::span<std::byte> b, std::uint64_t offset) {
    if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
    const auto differs = std::mismatch(a.begin(), a.end(), b.begin());
    found = offset + static_cast<std::uint64_t>(differs.first - a.begin());
    return false;
  });
  return found;
}

void or_into(const Command& c, std::uint64_t to, std::uint64_t from, std::uint64_t length) {
  for_pieces(c, to, from, length, [](std::span<std::byte> a, std::span<std::byte> b, std::uint64_t) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] |= b[i];
    return true;
  });
}

void repeat(const Command& c, std::uint64_t from, std::uint64_t period, std::uint64_t to, std::uint64_t length) {
  for (std::uint64_t done = 0; done < length; done += period) {
    if (to + done == from) continue;
    copy(c, to + done, from, std::min(period, length - done));
  }
}

bool all_zero(const Command& c, std::uint64_t at, std::uint64_t length) {
  for (std::uint64_t done = 0; done < length;) {
    const auto bytes = piece(c, at + done, length - done);
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; })) return false;
    done += bytes.size();
  }
  return true;
}

}  // namespace scsi::disk
