// The command window of a session (RFC 7143 4.2.2.1): ExpCmdSN, MaxCmdSN, and how many commands are in hand.
#pragma once

#include <cstdint>

#include "fabrics/iscsi/pdu.h"

namespace iscsi {

// MaxCmdSN = ExpCmdSN + free slots - 1, and never goes back: a slot that was promised stays promised.
class CommandWindow {
 public:
  enum class Place : std::uint8_t {
    kNext,     // in order
    kAhead,    // inside the window, but others are missing before it
    kOutside,  // ignored, as the standard asks
  };
  void start(std::uint32_t cmd_sn, std::uint16_t slots) {
    expected_ = cmd_sn;
    slots_ = slots;
    in_hand_ = 0;
    maximum_ = cmd_sn + slots - 1u;
  }
  Place place(std::uint32_t cmd_sn) const {
    if (cmd_sn == expected_ && pdu::serial_less_equal(cmd_sn, maximum_)) return Place::kNext;
    const bool inside = pdu::serial_less(expected_, cmd_sn) && pdu::serial_less_equal(cmd_sn, maximum_);
    return inside ? Place::kAhead : Place::kOutside;
  }
  // As it was in another process: shut for what was not promised there.
  void restore(std::uint32_t expected, std::uint32_t maximum) {
    expected_ = expected;
    maximum_ = maximum;
    in_hand_ = 0;
    slots_ = 0;
  }
  // Another size. What was promised stays promised; true as of release().
  bool resize(std::uint16_t slots) {
    const bool shut = maximum_ + 1 == expected_;
    slots_ = slots;
    const std::uint32_t maximum = expected_ + slots_ - in_hand_ - 1;
    if (pdu::serial_less(maximum_, maximum)) maximum_ = maximum;
    return shut && maximum_ + 1 != expected_;
  }
  // The next command has come; it holds a slot until release().
  void receive() {
    ++expected_;
    ++in_hand_;
  }
  // True if the window had been shut and opened by this: then the initiator may wait for a PDU that tells.
  bool release() {
    const bool shut = maximum_ + 1 == expected_;
    --in_hand_;
    const std::uint32_t maximum = expected_ + slots_ - in_hand_ - 1;
    if (pdu::serial_less(maximum_, maximum)) maximum_ = maximum;
    return shut && maximum_ + 1 != expected_;
  }
  const std::uint32_t& expected() const { return expected_; }
  const std::uint32_t& maximum() const { return maximum_; }
  std::uint32_t in_hand() const { return in_hand_; }

 private:
  std::uint32_t expected_ = 0, maximum_ = 0;
  std::uint32_t in_hand_ = 0;
  std::uint16_t slots_ = 1;
};

}  // namespace iscsi
