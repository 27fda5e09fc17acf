// Wire integers: byte arrays of alignment 1 that read and write as host integers. The only place that swaps bytes.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace base {
namespace detail {

template <class T>
constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}

// Stored in `Order`; converts in both directions from and to host integers only, so nobody can swap twice.
template <class T, std::endian Order>
class Wire {
 public:
  constexpr Wire() = default;
  constexpr Wire(T value) : bytes_(std::bit_cast<Bytes>(to_order(value))) {}   // NOLINT: implicit by design
  constexpr operator T() const { return to_order(std::bit_cast<T>(bytes_)); }  // NOLINT: implicit by design

 private:
  using Bytes = std::array<std::uint8_t, sizeof(T)>;
  static constexpr T to_order(T value) { return Order == std::endian::native ? value : swap_bytes(value); }
  Bytes bytes_{};
};

}  // namespace detail

using be16 = detail::Wire<std::uint16_t, std::endian::big>;
using be32 = detail::Wire<std::uint32_t, std::endian::big>;
using be64 = detail::Wire<std::uint64_t, std::endian::big>;
using le16 = detail::Wire<std::uint16_t, std::endian::little>;
using le32 = detail::Wire<std::uint32_t, std::endian::little>;
using le64 = detail::Wire<std::uint64_t, std::endian::little>;

// Three-byte big-endian integer (allocation lengths, DataSegmentLength). Values above 2^24-1 are cut to 24 bits.
class be24 {
 public:
  constexpr be24() = default;
  constexpr be24(std::uint32_t value)  // NOLINT: implicit by design
      : bytes_{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
               static_cast<std::uint8_t>(value)} {}
  constexpr operator std::uint32_t() const {  // NOLINT: implicit by design
    return (std::uint32_t{bytes_[0]} << 16) | (std::uint32_t{bytes_[1]} << 8) | bytes_[2];
  }

 private:
  std::array<std::uint8_t, 3> bytes_{};
};

// Three-byte little-endian integer (port identifiers in adapters' queue entries). Values are cut to 24 bits.
class le24 {
 public:
  constexpr le24() = default;
  constexpr le24(std::uint32_t value)  // NOLINT: implicit by design
      : bytes_{static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
               static_cast<std::uint8_t>(value >> 16)} {}
  constexpr operator std::uint32_t() const {  // NOLINT: implicit by design
    return (std::uint32_t{bytes_[2]} << 16) | (std::uint32_t{bytes_[1]} << 8) | bytes_[0];
  }

 private:
  std::array<std::uint8_t, 3> bytes_{};
};

static_assert(sizeof(be24) == 3 && sizeof(le24) == 3 && alignof(be64) == 1 && sizeof(be64) == 8 &&
              std::is_trivially_copyable_v<be32>);

}  // namespace base
