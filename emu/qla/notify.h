// Link services received that the host decides about: immediate notifications and their acknowledgements, or the whole
// frame (PUREX).
#pragma once

#include <vector>

#include "emu/qla/core.h"
#include "emu/qla/link.h"

namespace emu::qla {

class Notify {
 public:
  Notify(Core& core, Link& link) : core_(core), link_(link) {}
  void reset() { held_.clear(); }
  void received(const fc::ReceivedEls& els);
  void acknowledged(const Request& request);

 private:
  struct Held {
    std::uint32_t id;
    std::uint8_t command, firmware_handle, vp;
    PortId from;
  };
  void pass_up(const fc::ReceivedEls& els);
  Core& core_;
  Link& link_;
  std::vector<Held> held_;
  std::uint8_t next_handle_ = 0;
};

wire::FcHeaderLe to_little_endian(const hal::fc::FrameHeader& header);

}  // namespace emu::qla
