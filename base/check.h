// CHECK: states what must hold in our own code; aborts with the place when it does not. Never used on a peer's input.
#pragma once

namespace base {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace base

#define CHECK(condition) \
  (__builtin_expect(static_cast<bool>(condition), 1) ? (void)0 : ::base::check_failed(#condition, __FILE__, __LINE__))
