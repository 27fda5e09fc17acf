// One end of a link between models: whole frames without line coding.
//
// Fibre Channel: a 24-byte frame header (FC-FS-4 table 20) and the payload with its fill bytes, no delimiters and no
// CRC: what the delimiters say follows from the header (class 3, SEQ_CNT, End_Sequence).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace emu {

class Wire {
 public:
  virtual ~Wire() = default;
  virtual bool up() const = 0;                                      // light on both ends
  virtual bool send(std::span<const std::byte> frame) = 0;          // false: down, or no credit now: again from poll()
  virtual std::optional<std::span<const std::byte>> receive() = 0;  // valid until the next receive()
};

}  // namespace emu
