// Bounds-checked reading and writing of wire bytes. Reading past the end fails; writing past the end is remembered,
// not done, so that a response builder can say how long the whole would have been (SPC allocation length rules).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace base {

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::size_t left() const { return bytes_.size(); }
  // Copies one wire struct out.
  template <class T>
  Result<T> read() {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    if (bytes_.size() < sizeof(T)) return fail(Errc::kInvalid, "the data ends inside a field");
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  Result<std::span<const std::byte>> bytes(std::size_t length) {
    if (bytes_.size() < length) return fail(Errc::kInvalid, "the data ends inside a field");
    const auto part = bytes_.first(length);
    bytes_ = bytes_.subspan(length);
    return part;
  }

 private:
  std::span<const std::byte> bytes_;
};

class Writer {
 public:
  explicit Writer(std::span<std::byte> out) : out_(out) {}
  void bytes(std::span<const std::byte> data) {
    const std::size_t room = at_ < out_.size() ? out_.size() - at_ : 0;
    if (const std::size_t part = std::min(data.size(), room); part != 0) {
      std::memcpy(out_.data() + at_, data.data(), part);
    }
    at_ += data.size();
  }
  template <class T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  void text(std::string_view text) { bytes(std::as_bytes(std::span(text))); }
  void fill(std::size_t count, std::uint8_t value = 0) {
    for (std::size_t i = 0; i < count; ++i) put(value);
  }
  // ASCII field of fixed width: cut or padded with spaces on the right (SPC "left-aligned").
  void ascii(std::string_view text_value, std::size_t width) {
    text(text_value.substr(0, width));
    fill(width - std::min(width, text_value.size()), 0x20);
  }
  std::size_t wanted() const { return at_; }                          // length of everything put so far
  std::size_t written() const { return std::min(at_, out_.size()); }  // length of what fitted
  bool fits() const { return at_ <= out_.size(); }
  // Overwrites bytes that were put before, e.g. a length field once the length is known.
  template <class T>
  void patch(std::size_t offset, const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    if (offset < out_.size()) std::memcpy(out_.data() + offset, &value, std::min(sizeof(T), out_.size() - offset));
  }

 private:
  std::span<std::byte> out_;
  std::size_t at_ = 0;
};

}  // namespace base
