// One end of a link between models: whole frames without line coding.
//
// Fibre Channel: a 24-byte frame header (FC-FS-4 table 20) and the payload with its fill bytes, no delimiters and no
// CRC: what the delimiters say follows from the header (class 3, SEQ_CNT, End_Sequence). A transmission of four bytes
// is an ordered set (FC-FS-4 table 5), e.g. LIP.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

namespace emu {

class Wire {
 public:
  virtual ~Wire() = default;
  virtual void light(bool on) = 0;  // of this end's transmitter; off at first
  virtual bool up() const = 0;      // light on both ends
  // Where the next frame is to be written, then post() of as many bytes as it has become. Empty: down, or no credit
  // now: again from poll(). What is not posted is forgotten.
  virtual std::span<std::byte> place(std::size_t size) = 0;
  virtual void post(std::size_t size) = 0;
  virtual std::optional<std::span<const std::byte>> receive() = 0;  // valid until the next receive()

  bool send(std::span<const std::byte> frame) {
    const auto to = place(frame.size());
    if (to.size() < frame.size()) return false;
    std::memcpy(to.data(), frame.data(), frame.size());
    post(frame.size());
    return true;
  }
};

}  // namespace emu
