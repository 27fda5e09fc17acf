// Result<T>: a value, or why this program could not make one. Never used for what an initiator is told (scsi::Outcome).
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace base {

enum class Errc : std::uint8_t {
  kInvalid,      // the input is wrong: a file, a parameter, a peer's bytes
  kNotFound,     // the thing named does not exist
  kExists,       // the name or number is taken
  kBusy,         // in use now; may work later
  kNoMemory,     // a pool or the machine is exhausted
  kNoSpace,      // the medium or file system is full
  kIo,           // the operating system or a device failed
  kTimeout,      // a limit ran out; the text says what was waited for
  kUnsupported,  // not possible here
  kDenied,       // not permitted
};

const char* errc_name(Errc code);

// `text` is a sentence for a person, without a full stop; it names the thing that is wrong.
struct Error {
  Errc code = Errc::kInvalid;
  std::string text;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> other) : tl::expected<T, Error>(std::move(other)) {}  // NOLINT: implicit by design
};

inline tl::unexpected<Error> fail(Errc code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}
// The same from errno: "open /dev/sdb: Permission denied".
tl::unexpected<Error> fail_errno(std::string what, int error = errno);

}  // namespace base

// Evaluates to the value, or returns the error from the enclosing function. Not usable with co_await.
#define TRY(expression) TRY_WITH_(expression, __COUNTER__)
#define TRY_WITH_(expression, unique) TRY_NAMED_(expression, unique)
#define TRY_NAMED_(expression, unique)                                         \
  ({                                                                           \
    auto&& try_##unique = (expression);                                        \
    if (__builtin_expect(!try_##unique.has_value(), 0))                        \
      return ::tl::unexpected<::base::Error>(std::move(try_##unique).error()); \
    ::base::detail::take(std::move(try_##unique));                             \
  })

namespace base::detail {
template <class T>
T take(tl::expected<T, Error>&& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace base::detail
