// Bit fields inside a byte or word, named from the most to the least significant bit as the standards draw them.
#pragma once

#include <cstdint>
#include <type_traits>

namespace base {

// Bits<std::uint8_t, 5, 3>: bits 5..3 of a byte. T is the type the field reads as (bool, an enum, an integer).
template <class Word, unsigned Hi, unsigned Lo, class T = Word>
struct Bits {
  static_assert(Hi >= Lo && Hi < sizeof(Word) * 8);
  static constexpr unsigned kHi = Hi, kLo = Lo;
  static constexpr Word kMask =
      static_cast<Word>((Hi - Lo + 1 == sizeof(Word) * 8 ? ~Word{0} : ((Word{1} << (Hi - Lo + 1)) - 1)) << Lo);

  static constexpr T get(Word word) { return static_cast<T>(static_cast<Word>((word & kMask) >> Lo)); }
  [[nodiscard]] static constexpr Word set(Word word, T value) {
    return static_cast<Word>((word & static_cast<Word>(~kMask)) | of(value));
  }
  // The field alone, for or-ing together a fresh word.
  [[nodiscard]] static constexpr Word of(T value) {
    return static_cast<Word>((static_cast<Word>(value) << Lo) & kMask);
  }
};

template <class Word, unsigned Bit>
using Flag = Bits<Word, Bit, Bit, bool>;

template <unsigned Hi, unsigned Lo, class T = std::uint8_t>
using Bits8 = Bits<std::uint8_t, Hi, Lo, T>;
template <unsigned Bit>
using Flag8 = Flag<std::uint8_t, Bit>;

}  // namespace base
