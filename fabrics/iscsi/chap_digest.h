// The CHAP response (RFC 1994 4.1): H(identifier | secret | challenge), for each algorithm that RFC 7143 12.1.3 knows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "fabrics/iscsi/account.h"

namespace iscsi {

class ChapDigest {
 public:
  static constexpr std::size_t kMaxSize = 32;
  static std::size_t size_of(ChapAlgorithm algorithm);
  static base::Result<ChapDigest> compute(ChapAlgorithm algorithm, std::uint8_t identifier, std::string_view secret,
                                          std::span<const std::byte> challenge);
  ChapDigest(const ChapDigest&) = default;
  ChapDigest& operator=(const ChapDigest&) = default;
  ~ChapDigest();  // wipes
  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }
  // In time that depends on the length of `other` only.
  bool equals(std::span<const std::byte> other) const;

 private:
  ChapDigest() = default;
  std::array<std::byte, kMaxSize> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace iscsi
