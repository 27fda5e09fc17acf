// A heap that says no: the next allocations that can be refused are. For one file of a harness; the code under test is
// as it is. The memory sanitizer has a heap of its own, which refuses nothing.
#pragma once

#include <cstddef>
#include <new>

namespace scarce_heap {

inline unsigned refusals = 0;  // left
inline void refuse(unsigned count) { refusals = count; }
inline bool refuses() { return refusals != 0 && refusals-- != 0; }

}  // namespace scarce_heap

#if !__has_feature(memory_sanitizer)
// NOLINTBEGIN: replaced as [new.delete.single] and [new.delete.array] allow
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return scarce_heap::refuses() ? nullptr : ::operator new(size);
}
void* operator new(std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return scarce_heap::refuses() ? nullptr : ::operator new(size, align);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return scarce_heap::refuses() ? nullptr : ::operator new[](size);
}
// NOLINTEND
#endif
