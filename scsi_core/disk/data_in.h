// Parameter data for the initiator: built in full, cut to ALLOCATION LENGTH in one place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "base/cursor.h"
#include "scsi_core/execution.h"

namespace scsi::disk {

class DataIn {
  template <class T>
  using Host = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;

 public:
  explicit DataIn(std::size_t room = 4096) : bytes_(room), out_(bytes_) {}
  base::Writer& out() { return out_; }
  // Sets a length field of `T` at `at` to the bytes that follow it.
  template <class T>
  void patch_length(std::size_t at) {
    out_.patch(at, T(static_cast<Host<T>>(out_.wanted() - at - sizeof(T))));
  }
  std::span<const std::byte> bytes() const { return std::span(bytes_).first(out_.written()); }
  // Ends the command with GOOD. What does not fit is not sent; length fields say how much there would be.
  void reply(Command& c, std::uint64_t allocation_length) const {
    CHECK(out_.fits());
    scsi::reply(c, bytes().first(std::min<std::uint64_t>(out_.written(), allocation_length)));
  }

 private:
  std::vector<std::byte> bytes_;
  base::Writer out_;
};

}  // namespace scsi::disk
