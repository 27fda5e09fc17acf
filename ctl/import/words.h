// Words and numbers of the text formats.
#pragma once

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace ctl {

inline bool among(std::string_view word, std::span<const char* const> words) {
  return std::any_of(words.begin(), words.end(), [&](const char* each) { return word == each; });
}
inline bool among(std::string_view word, std::initializer_list<const char*> words) {
  return among(word, std::span(words.begin(), words.size()));
}

// Decimal digits and nothing else.
template <class T>
std::optional<T> number_of(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace ctl
