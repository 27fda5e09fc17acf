// What encoders are made of: a byte of the input chooses a word that the parser knows, a number at the edge of what
// fits, or bytes as they are. Nothing left means the first choice.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "tests/fuzz/input.h"

inline std::string raw_text(Input& input) {
  const auto bytes = input.bytes(input.byte() & 63u);
  return {bytes.begin(), bytes.end()};
}

template <class Words>
std::string_view pick(Input& input, const Words& words) {
  return words[input.byte() % std::size(words)];
}

// One of "a|b|c".
inline std::string_view pick_of(std::string_view choices, std::size_t which) {
  const auto count = static_cast<std::size_t>(std::count(choices.begin(), choices.end(), '|')) + 1;
  for (which %= count; which > 0; --which) choices.remove_prefix(choices.find('|') + 1);
  return choices.substr(0, choices.find('|'));
}

// Small ones, powers of two and their neighbours, any of 16 or 32 bits.
inline std::uint64_t next_number(Input& input) {
  const std::uint8_t how = input.byte();
  if (how < 0x60) return how;
  if (how < 0xa0) return std::uint64_t{1} << (how & 63);
  if (how < 0xe0) return (std::uint64_t{1} << (how & 63)) - 1;
  if (how < 0xf0) return input.word();
  const std::uint64_t high = input.word();
  return high << 16 | input.word();
}
