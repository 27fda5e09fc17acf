// Typed registers: a register's offset, width and access are its type, so that a wrong access does not compile.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "base/bits.h"

namespace hal {

enum class Access : std::uint8_t {
  kRo,   // read only
  kRw,   // reads back what was written
  kWo,   // write only: what it reads is not what was written
  kW1c,  // a bit written as one is cleared: no read-modify-write
  kRc,   // cleared by reading: no read-modify-write
};

// struct Hccr : hal::Reg<Hccr, 0x48, std::uint32_t, hal::Access::kRw> { using Command = Field<31, 28, HccrCommand>; };
// The value of a register is an object of its type; a field belongs to one register and is refused by all others.
template <class Self, std::uint32_t Offset, class Word, Access Kind>
struct Reg {
  static_assert(std::is_unsigned_v<Word> && Offset % sizeof(Word) == 0, "registers are aligned words");
  using RegisterWord = Word;
  using RegisterType = Self;
  static constexpr std::uint32_t kOffset = Offset;
  static constexpr Access kAccess = Kind;
  static constexpr std::uint32_t kCount = 1, kStride = 0;

  template <unsigned Hi, unsigned Lo, class T = Word>
  struct Field : base::Bits<Word, Hi, Lo, T> {
    using Register = Self;
    using Type = T;
  };
  template <unsigned Bit>
  using Flag = Field<Bit, Bit, bool>;

  Word raw = 0;

  template <class F>
  requires std::same_as<typename F::Register, Self>
  constexpr typename F::Type get() const { return F::get(raw); }
  template <class F>
  requires std::same_as<typename F::Register, Self>
  constexpr Self& set(typename F::Type value) {
    raw = F::set(raw, value);
    return static_cast<Self&>(*this);
  }
};

// The same register `Count` times, `Stride` bytes apart (mailboxes, doorbells of queues).
template <class Self, std::uint32_t Offset, class Word, Access Kind, std::uint32_t Count, std::uint32_t Stride>
struct RegArray : Reg<Self, Offset, Word, Kind> {
  static_assert(Count > 1 && Stride % sizeof(Word) == 0 && Stride >= sizeof(Word));
  static constexpr std::uint32_t kCount = Count, kStride = Stride;
};

template <class R>
concept Register = std::derived_from<R, Reg<R, R::kOffset, typename R::RegisterWord, R::kAccess>>;
template <class R>
concept Readable = Register<R> &&(R::kAccess != Access::kWo);
template <class R>
concept Writable = Register<R> &&(R::kAccess != Access::kRo) && (R::kAccess != Access::kRc);
template <class R>
concept Modifiable = Register<R> &&(R::kAccess == Access::kRw);
template <class R>
concept IsArray = Register<R> &&(R::kCount > 1);

// Where the register `index` of an array is. An index comes from our own code, never from a peer.
template <Register R>
constexpr std::uint32_t offset_of(std::uint32_t index = 0) {
  return R::kOffset + index * R::kStride;
}

}  // namespace hal
