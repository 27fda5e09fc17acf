// Virtual ports (NPIV): configuration and control entries.
#pragma once

#include "emu/qla/core.h"

namespace emu::qla {

class VirtualPorts {
 public:
  explicit VirtualPorts(Core& core) : core_(core) {}
  void configure(const Request& request);
  void control(const Request& request);
  void reset();  // after the link has been stopped

 private:
  struct Names {
    hal::fc::Wwn port, node;
    bool enabled = false;
  };
  void enable(std::uint8_t vp);
  void disable(std::uint8_t vp, bool log_out);
  Core& core_;
  std::array<Names, 64> names_{};
};

}  // namespace emu::qla
