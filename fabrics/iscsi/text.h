// Key=value text (RFC 7143 6.1): the one place that takes a peer's text apart, and the one that builds ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace iscsi {

inline constexpr std::size_t kMaxKeyName = 63;

struct KeyValue {
  std::string_view key, value;  // into the text that was read
};

// Walks "key=value" pairs, each ended by a NUL byte. Bounded by the length it is given, never by a NUL.
class TextReader {
 public:
  enum class Step : std::uint8_t { kPair, kEnd, kMalformed };
  explicit TextReader(std::span<const std::byte> text)
      : rest_(reinterpret_cast<const char*>(text.data()), text.size()) {}
  explicit TextReader(std::string_view text) : rest_(text) {}
  // kMalformed: a pair without its NUL, without `=`, or whose key is no key name. Nothing can be read after it.
  Step next(KeyValue& pair);

 private:
  std::string_view rest_;
};

// Collects pairs up to a limit. What does not fit is not written, not even in part, and fits() says so from then on.
class TextWriter {
 public:
  explicit TextWriter(std::size_t limit) : limit_(limit) {}
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, std::uint32_t value);
  bool fits() const { return fits_; }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  void clear() { text_.clear(); }

 private:
  std::string text_;
  std::size_t limit_;
  bool fits_ = true;
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace iscsi
